//go:build cuda

package cuda

import (
	"testing"

	"hdmnet/internal/op"
)

// BenchmarkLaunch is the cost of queueing one small kernel.
func BenchmarkLaunch(b *testing.B) {
	d := open(b)
	a := op.NewArena(d)
	x := a.Zeros(64)
	for b.Loop() {
		d.ReLU(x, x)
	}
	d.Synchronize()
	a.Close()
}

// BenchmarkLinear reports billions of floating-point operations a second.
func BenchmarkLinear(b *testing.B) {
	d := open(b)
	a := op.NewArena(d)
	const m, n, k = 2048, 1024, 256
	y, x, w := a.Float32(m, n), a.Zeros(m, k), a.Zeros(n, k)
	for b.Loop() {
		d.Linear(y, x, w, nil)
		d.Synchronize()
	}
	b.ReportMetric(2*m*n*k*float64(b.N)/b.Elapsed().Seconds()/1e9, "GF/s")
	a.Close()
}

// BenchmarkAdd reports the bandwidth of an elementwise kernel.
func BenchmarkAdd(b *testing.B) {
	d := open(b)
	a := op.NewArena(d)
	const n = 1 << 22
	y, x := a.Float32(n), a.Zeros(n)
	for b.Loop() {
		d.Add(y, x, x)
		d.Synchronize()
	}
	b.SetBytes(3 * 4 * n)
	a.Close()
}

// BenchmarkSwitches is the emulator's cost of one barrier for one thread.
func BenchmarkSwitches(b *testing.B) {
	d := openSelftest(b)
	const rounds, threads = 1000, 256
	out := d.scratch(threads)
	for b.Loop() {
		d.launch("switches", grid1(1, threads), out, rounds)
		d.Synchronize()
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/rounds/threads, "ns/switch")
	d.freeScratch(out)
}
