package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"hdmnet/internal/op"
)

// attentionBench is one layer of the transformer at a size of the network, with what
// all the operators over positions read and write.
type attentionBench struct {
	dev             *Device
	heads           int
	q, k, v, mask   op.Tensor
	y, corr, colSum op.Tensor
	lse, dy, dcorr  op.Tensor
	dq, dk, dv      op.Tensor
	n, m, fg        int
}

// newAttentionBench has batch samples of n queries and m keys; the first share of the
// keys is foreground.
func newAttentionBench(t testing.TB, batch, n, m, c, heads int, share float64) *attentionBench {
	dev, err := New()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, uint64(n+m)))
	random := func(shape ...int) op.Tensor {
		x := zerosOf(dev, shape...)
		for i := range x.Float32s() {
			x.Float32s()[i] = float32(r.NormFloat64())
		}
		return x
	}
	b := &attentionBench{dev: dev, heads: heads, n: n, m: m,
		q: random(batch, n, c), k: random(batch, m, c), v: random(batch, m, c), mask: zerosOf(dev, batch, m),
		y: random(batch, n, c), corr: random(batch, n), colSum: random(batch, heads, m), lse: random(batch, heads, n),
		dy: random(batch, n, c), dcorr: random(batch, n),
		dq: zerosOf(dev, batch, n, c), dk: zerosOf(dev, batch, m, c), dv: zerosOf(dev, batch, m, c)}
	b.fg = int(share * float64(m))
	for i := range batch {
		for j := range b.fg {
			b.mask.Float32s()[i*m+j] = 1
		}
	}
	return b
}

func zerosOf(dev *Device, shape ...int) op.Tensor {
	return tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...), tensor.WithBacking(make([]float32, tensor.Shape(shape).TotalSize())))
}

func (b *attentionBench) correlate() {
	b.dev.MaskedCorrelation(b.y, b.corr, b.colSum, b.q, b.k, b.v, b.mask, b.heads)
}

func (b *attentionBench) correlateGrad() {
	b.dev.MaskedCorrelationGrad(b.dq, b.dk, b.dv, b.dy, b.dcorr, b.colSum, b.q, b.k, b.v, b.mask, b.heads)
}

func (b *attentionBench) attend() { b.dev.SelfAttention(b.y, b.lse, b.q, b.k, b.v, b.heads) }

func (b *attentionBench) attendGrad() {
	b.dev.SelfAttentionGrad(b.dq, b.dk, b.dv, b.dy, b.y, b.lse, b.q, b.k, b.v, b.heads)
}

// results are the bits of everything the operators wrote.
func (b *attentionBench) results() []float32 {
	return slices.Concat(b.y.Float32s(), b.corr.Float32s(), b.lse.Float32s(), b.dq.Float32s(), b.dk.Float32s(), b.dv.Float32s())
}

func TestAttentionSameBitsForEveryGOMAXPROCS(t *testing.T) {
	run := func(procs int) []float32 {
		old := runtime.GOMAXPROCS(procs)
		defer runtime.GOMAXPROCS(old)
		b := newAttentionBench(t, 2, 211, 333, 64, 2, 0.4)
		b.correlate()
		b.correlateGrad()
		first := b.results()
		b.attend()
		b.attendGrad()
		return append(first, b.results()...)
	}
	want := run(1)
	for _, procs := range []int{2, 3, 8} {
		if !slices.Equal(run(procs), want) {
			t.Errorf("GOMAXPROCS=%d gives other bits than 1", procs)
		}
	}
}

func TestSimilaritySameBitsForEveryGOMAXPROCS(t *testing.T) {
	run := func(procs int) []float32 {
		old := runtime.GOMAXPROCS(procs)
		defer runtime.GOMAXPROCS(old)
		b := newAttentionBench(t, 2, 35, 700, 257, 1, 0.8)
		y, g := zerosOf(b.dev, 2, 5, 7), zerosOf(b.dev, 2, 257, 257)
		b.dev.PriorSimilarity(y, op.Reshape(b.q, 2, 5, 7, 257), op.Reshape(b.k, 2, 1, 20, 35, 257), op.Reshape(b.mask, 2, 1, 20, 35))
		b.dev.Gram(g, b.k)
		return slices.Concat(y.Float32s(), g.Float32s())
	}
	want := run(1)
	for _, procs := range []int{2, 3, 8} {
		if !slices.Equal(run(procs), want) {
			t.Errorf("GOMAXPROCS=%d gives other bits than 1", procs)
		}
	}
}

// Closures cost some hundred bytes a call; work memory must not be allocated again.
func TestAttentionKeepsItsMemory(t *testing.T) {
	b := newAttentionBench(t, 1, 900, 900, 64, 2, 0.25)
	step := func() {
		b.correlate()
		b.correlateGrad()
		b.attend()
		b.attendGrad()
	}
	// How many tasks hold memory at one time depends on who gets a processor: the first
	// steps may see fewer than a later one.
	const steps = 10
	least := uint64(math.MaxUint64)
	for range steps {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		step()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	if least > 64<<10 {
		t.Errorf("each of %d steps allocates %d bytes at least, want at most the closures", steps, least)
	}
}

// report runs f and reports the useful operations, flops per call, as GF/s.
func report(b *testing.B, flops float64, f func()) {
	f()
	for b.Loop() {
		f()
	}
	b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GF/s")
}

func BenchmarkMaskedCorrelation(b *testing.B) {
	for _, size := range []struct {
		name    string
		n, m    int
		percent float64
	}{{"473_1shot", 3600, 3600, 0.25}, {"473_5shot", 3600, 18000, 0.25}, {"633_1shot", 6400, 6400, 0.25}} {
		x := newAttentionBench(b, 1, size.n, size.m, 64, 2, size.percent)
		pair := 2 * float64(x.n) * float64(x.fg) * 64 // one product of all channels
		b.Run(size.name+"/forward", func(b *testing.B) { report(b, 3*pair, x.correlate) })
		b.Run(size.name+"/backward", func(b *testing.B) { report(b, 8*pair, x.correlateGrad) })
	}
}

func BenchmarkSelfAttention(b *testing.B) {
	for _, size := range []struct {
		name        string
		n, m, heads int
	}{{"473_stage0", 3600, 225, 2}, {"473_stage1", 900, 225, 4}, {"473_stage2", 225, 225, 8}, {"473_full", 3600, 3600, 2}} {
		x := newAttentionBench(b, 2, size.n, size.m, 64, size.heads, 0)
		pair := 2 * 2 * float64(x.n) * float64(x.m) * 64
		b.Run(size.name+"/forward", func(b *testing.B) { report(b, 2*pair, x.attend) })
		b.Run(size.name+"/backward", func(b *testing.B) { report(b, 7*pair, x.attendGrad) })
	}
	for _, size := range []struct{ n, heads int }{{1370, 12}, {4101, 16}} { // of vision transformers
		x := newAttentionBench(b, 1, size.n, size.n, 64*size.heads, size.heads, 0)
		for _, precision := range []op.Precision{op.FP32, op.BF16} {
			b.Run(fmt.Sprintf("%d_tokens/%v", size.n, precision), func(b *testing.B) {
				dev, err := Open(precision)
				if err != nil {
					b.Skip(err)
				}
				report(b, 4*float64(size.n)*float64(size.n)*float64(64*size.heads), func() {
					dev.SelfAttention(x.y, nil, x.q, x.k, x.v, size.heads)
				})
			})
		}
	}
}

func BenchmarkPriorSimilarity(b *testing.B) {
	for _, c := range []int{512, 2048} {
		x := newAttentionBench(b, 1, 3600, 3600, c, 1, 0.25)
		y := zerosOf(x.dev, 1, 60, 60)
		q, s, m := op.Reshape(x.q, 1, 60, 60, c), op.Reshape(x.k, 1, 1, 60, 60, c), op.Reshape(x.mask, 1, 1, 60, 60)
		b.Run(map[int]string{512: "512", 2048: "2048"}[c], func(b *testing.B) {
			report(b, 2*3600*float64(x.fg)*float64(c), func() { x.dev.PriorSimilarity(y, q, s, m) })
		})
	}
}

func BenchmarkGram(b *testing.B) {
	x := newAttentionBench(b, 1, 3600, 1, 512, 1, 0)
	g := zerosOf(x.dev, 1, 512, 512)
	report(b, 2*3600*512*512, func() { x.dev.Gram(g, x.q) })
}
