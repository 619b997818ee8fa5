//go:build cuda

package cuda

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/op"
)

// trial is a few training steps of a layer with everything that differs from step to step:
// the input, the dropout, the rate and the number of the step. Between some steps the
// memory that they use is used for something else. It gives the losses and the weights.
func trial(t *testing.T, d *Device, between func(step int)) (losses, weights []float32) {
	t.Helper()
	const rows, in, out, steps = 20, 12, 5, 8
	a, keep := op.NewArena(d), op.NewArena(d)
	defer a.Close()
	defer keep.Close()
	w, g, m, v := keep.Float32(out, in), keep.Float32(out, in), keep.Zeros(out, in), keep.Zeros(out, in)
	first := make([]float32, out*in)
	for i := range first {
		first[i] = float32(i%7)/8 - 0.3
	}
	d.Upload(w, first)
	all := make([][]float32, steps)
	var waits []func()
	for s := range steps {
		a.Reset()
		x, label := make([]float32, rows*in), make([]uint8, rows)
		for i := range x {
			x[i] = float32((i*(s+3))%11) / 4
		}
		for i := range label {
			label[i] = uint8((i + s) % out)
		}
		tx, tl := a.Float32(rows, in), a.Uint8(1, rows, 1)
		d.Upload(tx, x)
		d.Upload(tl, label)
		loss := a.Zeros(2)
		d.Zero(g)
		d.CaptureGraph(func() {
			drop := op.DropoutParams{P: 0.3, Seed: uint64(s) * 0x9E3779B97F4A7C15}
			y, z := a.Float32(rows, in), a.Float32(1, rows, 1, out)
			d.Dropout(y, tx, drop)
			flat := op.Reshape(z, rows, out)
			d.Linear(flat, y, w, nil)
			d.CrossEntropy(loss, z, tl)
			dz := a.Zeros(1, rows, 1, out)
			d.CrossEntropyGrad(dz, loss, z, tl, 1)
			d.LinearGradWeight(g, nil, y, op.Reshape(dz, rows, out))
			d.AdamW(w, m, v, g, op.AdamWParams{LR: 0.1 / float32(s+1), Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, WeightDecay: 0.1, Step: s + 1})
		})
		all[s] = make([]float32, 2)
		waits = append(waits, d.Fetch(all[s], loss))
		between(s)
	}
	for _, wait := range waits {
		wait()
	}
	weights = make([]float32, out*in)
	d.Download(weights, w)
	return slices.Concat(all...), weights
}

// TestGraphs: steps that repeat become one graph whose parameters change, and
// their results are those of single launches, bit for bit, whatever runs in between.
func TestGraphs(t *testing.T) {
	nothing := func(int) {}
	t.Setenv("HDMNET_CUDA_GRAPH", "off")
	off := open(t)
	wantLosses, wantWeights := trial(t, off, nothing)
	if off.Graphs() != 0 {
		t.Fatal("HDMNET_CUDA_GRAPH=off made a graph")
	}
	t.Setenv("HDMNET_CUDA_GRAPH", "")
	for name, c := range map[string]struct {
		between func(d *Device) func(int)
		graphs  int
	}{
		"alone": {func(*Device) func(int) { return nothing }, 1},
		"beside other work": {func(d *Device) func(int) {
			a := op.NewArena(d)
			t.Cleanup(func() { a.Close() })
			return func(s int) {
				a.Reset()
				for _, n := range []int{10, 64, 100, 240} {
					x := a.Zeros(n)
					d.Download(make([]float32, n), x)
				}
			}
		}, 1},
		"beside a trim": {func(d *Device) func(int) {
			return func(s int) {
				if s == 5 { // the graph's scratch memory goes back to the driver
					d.wait(func() error { return d.memory.trim() })
				}
			}
		}, 2}, // the graph after it is cut off where it needs memory
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			losses, weights := trial(t, d, c.between(d))
			if !slices.Equal(losses, wantLosses) || !slices.Equal(weights, wantWeights) {
				t.Errorf("losses %v, want %v; the weights are the same: %v", losses, wantLosses, slices.Equal(weights, wantWeights))
			}
			if d.memory.direct || d.sync {
				c.graphs = 0
			}
			if made := d.Graphs(); made != c.graphs {
				t.Errorf("%d graphs were made, want %d", made, c.graphs)
			}
		})
	}
}

// TestGraphThatWaits: what is captured may wait, upload and need new memory; what comes of it is
// in order all the same.
func TestGraphThatWaits(t *testing.T) {
	d := open(t)
	a := op.NewArena(d)
	defer a.Close()
	const n = 1000
	x, y, z := a.Float32(n), a.Zeros(n), a.Float32(n)
	d.Upload(x, slices.Repeat([]float32{1}, n))
	got := make([]float32, n)
	for i := range 12 {
		want := float32(4*i + 4)
		d.CaptureGraph(func() {
			d.AddScaled(y, x, 1)
			if i == 4 {
				d.Download(got, y)
				if got[n-1] != float32(4*i+1) {
					t.Errorf("in graph %d y = %g", i, got[n-1])
				}
			}
			d.AddScaled(y, x, 1)
			if i == 5 {
				d.Upload(z, got)
			}
			d.AddScaled(y, x, 1)
			d.Copy(a.Float32(n*(i/8+1)), op.Reshape(op.Span(a.Zeros(n*(i/8+1)), 0, n*(i/8+1)), n*(i/8+1))) // needs memory
			d.CaptureGraph(func() { d.AddScaled(y, x, 1) })
		})
		if i%3 == 2 {
			if d.Download(got, y); got[0] != want || got[n-1] != want {
				t.Fatalf("after graph %d y = %g, want %g", i, got[0], want)
			}
		}
	}
}

// TestGraphsThatDiffer: calls that are never alike are launched as usual in the end.
func TestGraphsThatDiffer(t *testing.T) {
	d := open(t)
	a := op.NewArena(d)
	defer a.Close()
	const n = 100
	x, y := a.Float32(n), a.Zeros(n)
	d.Upload(x, slices.Repeat([]float32{1}, n))
	sum := 0
	for i := range 3 * mostGraphs {
		d.CaptureGraph(func() {
			for range i%5 + 1 {
				d.AddScaled(y, x, 1)
				sum++
			}
		})
	}
	got := make([]float32, n)
	d.Download(got, y)
	if got[7] != float32(sum) {
		t.Errorf("y = %g, want %d", got[7], sum)
	}
	if !d.memory.direct && !d.sync && d.Graphs() != mostGraphs {
		t.Errorf("%d graphs were made, want %d", d.Graphs(), mostGraphs)
	}
}

// TestGraphThatPanics: what was asked for before the panic is done, and the device works.
func TestGraphThatPanics(t *testing.T) {
	d := open(t)
	a := op.NewArena(d)
	defer a.Close()
	x, y := a.Float32(10), a.Zeros(10)
	d.Upload(x, slices.Repeat([]float32{1}, 10))
	for i := range 5 {
		func() {
			defer func() { _ = recover() }()
			d.CaptureGraph(func() {
				d.AddScaled(y, x, 1)
				if i >= 3 {
					panic("stop")
				}
			})
		}()
	}
	got := make([]float32, 10)
	if d.Download(got, y); got[3] != 5 {
		t.Errorf("y = %g, want 5", got[3])
	}
}

// TestFetch: a fetch gives what was there when it was asked for.
func TestFetch(t *testing.T) {
	d := open(t)
	a := op.NewArena(d)
	defer a.Close()
	const n, times = 70000, 20
	x := a.Float32(n)
	got := make([][]float32, times)
	var waits []func()
	for i := range times {
		d.Upload(x, slices.Repeat([]float32{float32(i)}, n))
		got[i] = make([]float32, n)
		waits = append(waits, d.Fetch(got[i], x))
		if i >= 3 {
			waits[i-3]()
			waits[i-3]() // once more changes nothing
		}
	}
	for i, w := range waits {
		w()
		if got[i][0] != float32(i) || got[i][n-1] != float32(i) {
			t.Errorf("fetch %d gave %g … %g", i, got[i][0], got[i][n-1])
		}
	}
	if k := len(d.staging.idle[512<<10]); k != 4 {
		t.Errorf("%d pieces of pinned memory for 4 fetches under way", k)
	}
	d.Fetch(got[0], x) // never waited for: no leak
}

// TestWaitAfterAnError: who waits for what an error has prevented gets the error.
func TestWaitAfterAnError(t *testing.T) {
	d, err := Open(0, op.FP32)
	if err != nil {
		t.Fatal(err)
	}
	a := op.NewArena(d)
	x := a.Zeros(10)
	broken := fmt.Errorf("broken on purpose")
	d.submit("fail", func() error { return broken })
	message := func(f func()) (s string) {
		defer func() { s = fmt.Sprint(recover()) }()
		f()
		return
	}
	var wait func()
	asked := message(func() { wait = d.Fetch(make([]float32, 10), x) })
	if wait != nil {
		asked = message(wait)
	}
	if !strings.Contains(asked, broken.Error()) {
		t.Errorf("panic %q, want the first error", asked)
	}
	if err := d.Close(); err == nil || !strings.Contains(err.Error(), broken.Error()) {
		t.Errorf("Close: %v", err)
	}
}
