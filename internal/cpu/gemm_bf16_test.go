package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/op"
)

// openIn opens the device in a precision, or skips the test where the processor lacks it.
func openIn(t testing.TB, p op.Precision) *Device {
	t.Helper()
	if _, err := pairISA(p); err != nil {
		t.Skip(err)
	}
	dev, err := Open(p)
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// roundBF16 returns v rounded to bf16: to nearest, ties to even; subnormal values to 0.
func roundBF16(v float32) float32 {
	u := math.Float32bits(v)
	switch {
	case v != v:
		u |= 1 << 22
	case u&0x7f800000 == 0:
		u &= 1 << 31
	default:
		u += 0x7fff + u>>16&1
	}
	return math.Float32frombits(u &^ 0xffff)
}

// termOf is a term of v in plain Go.
func termOf(v float32, term int) float32 {
	h := roundBF16(v)
	if term == 0 {
		return h
	}
	return roundBF16(v - h)
}

// TestPairing compares the terms bit by bit with those in plain Go: numbers of every
// magnitude, ties, infinities, NaN, subnormals, rows of every length and number.
func TestPairing(t *testing.T) {
	openIn(t, op.BF16)
	isa := isaOf(op.BF16)
	special := []uint32{0, 1 << 31, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0xffffffff, 1, 0x807fffff, 0x00800000,
		0x3f808000, 0x3f818000, 0x3f807fff, 0x3f808001, 0x7f7fffff, 0xff7f7fff}
	r := rand.New(rand.NewPCG(1, 2))
	value := func() float32 {
		if r.IntN(4) == 0 {
			return math.Float32frombits(special[r.IntN(len(special))])
		}
		return math.Float32frombits(r.Uint32())
	}
	const untouched = 0x12345678
	same := func(got, want uint32) bool { // the sign and the payload of ∞ − ∞ are the processor's
		nan := func(u uint32) bool { return u&0x7fff > 0x7f80 }
		return (got&0xffff == want&0xffff || nan(got) && nan(want)) && (got>>16 == want>>16 || nan(got>>16) && nan(want>>16))
	}
	for term := range 2 {
		for across, pair := range []pairingFunc{isa.alongRows[term], isa.acrossRows[term]} {
			for n := 1; n <= 70; n++ {
				rows := 1 + r.IntN(5)
				wide, high := n, rows // pairs in a row, and rows of them
				if across == 1 {
					high = pairsOf(rows)
				} else {
					wide = pairsOf(n)
				}
				ld, width := n+r.IntN(3), wide+r.IntN(3)
				src, dst := make([]float32, rows*ld), make([]float32, high*width+40)
				for i := range src {
					src[i] = value()
				}
				for i := range dst {
					dst[i] = math.Float32frombits(untouched)
				}
				pair(&dst[0], width, &src[0], ld, rows, n)
				for i := range dst {
					row, at := i/width, i%width
					want := uint32(untouched)
					if row < high && at < wide {
						r0, c0, r1, c1 := row, 2*at, row, 2*at+1
						if across == 1 {
							r0, c0, r1, c1 = 2*row, at, 2*row+1, at
						}
						want = math.Float32bits(termOf(src[r0*ld+c0], term)) >> 16
						if r1 < rows && c1 < n {
							want |= math.Float32bits(termOf(src[r1*ld+c1], term))
						}
					}
					if got := math.Float32bits(dst[i]); !same(got, want) {
						t.Fatalf("term %d, across %d: %d rows of %d, row %d, pair %d: %08x, want %08x", term, across, rows, n, row, at, got, want)
					}
				}
			}
		}
	}
}

// bf16Case is a frozen convolution that Winograd's algorithm does not compute.
type bf16Case struct {
	b, h, w, ci, co, kh, kw int
	op.ConvParams
}

var bf16Cases = []bf16Case{
	{1, 1, 1, 1, 1, 1, 1, op.ConvParams{Stride: 1, Dilation: 1}},
	{1, 5, 3, 7, 33, 1, 1, op.ConvParams{Stride: 1, Dilation: 1, ReLU: true}},
	{2, 9, 7, 12, 20, 1, 1, op.ConvParams{Stride: 1, Dilation: 1}},
	{1, 17, 19, 514, 64, 1, 1, op.ConvParams{Stride: 1, Dilation: 1, ReLU: true}}, // two passes
	{1, 15, 14, 600, 35, 1, 1, op.ConvParams{Stride: 1, Dilation: 1}},
	{1, 9, 8, 6, 40, 1, 1, op.ConvParams{Stride: 2, Dilation: 1}},
	{1, 13, 11, 20, 70, 3, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1, ReLU: true}},
	{2, 12, 15, 8, 9, 3, 3, op.ConvParams{Stride: 2, Pad: 1, Dilation: 1}},
	{1, 11, 13, 64, 33, 3, 3, op.ConvParams{Stride: 1, Pad: 4, Dilation: 4}},
	{2, 6, 5, 2, 3, 2, 3, op.ConvParams{Stride: 1, Dilation: 1}},
	{2, 12, 15, 7, 9, 3, 3, op.ConvParams{Stride: 2, Pad: 1, Dilation: 1}}, // odd channels in float32
}

// operands are the same values for the same case: x, w, bias, residual.
func (c *bf16Case) operands() (x, w, bias, residual []float32) {
	r := rand.New(rand.NewPCG(uint64(c.ci), uint64(c.co)))
	return randomFloats(r, c.b*c.h*c.w*c.ci), randomFloats(r, c.co*c.kh*c.kw*c.ci), randomFloats(r, c.co),
		randomFloats(r, c.b*c.Out(c.h, c.kh)*c.Out(c.w, c.kw)*c.co)
}

// definition is the convolution in float64 of what a precision makes of the inputs, and the sum
// of the magnitudes of what each element adds up.
func (c *bf16Case) definition(in op.Precision) (y, magnitude []float64) {
	x, w, bias, residual := c.operands()
	ho, wo := c.Out(c.h, c.kh), c.Out(c.w, c.kw)
	for at := range residual {
		o, p := at%c.co, at/c.co
		sum, size := 0.0, 0.0
		add := func(v float64) { sum += v; size += math.Abs(v) }
		add(float64(bias[o]))
		add(float64(residual[at]))
		for ky := range c.kh {
			for kx := range c.kw {
				i, j := p/wo%ho*c.Stride-c.Pad+ky*c.Dilation, p%wo*c.Stride-c.Pad+kx*c.Dilation
				if i < 0 || i >= c.h || j < 0 || j >= c.w {
					continue
				}
				for k := range c.ci {
					eachProduct(in, x[((p/(wo*ho)*c.h+i)*c.w+j)*c.ci+k], w[((o*c.kh+ky)*c.kw+kx)*c.ci+k], add)
				}
			}
		}
		if c.ReLU {
			sum = max(sum, 0)
		}
		y, magnitude = append(y, sum), append(magnitude, size)
	}
	return y, magnitude
}

// run computes the case.
func (c *bf16Case) run(t *testing.T, dev *Device) []float32 {
	x, w, bias, residual := c.operands()
	of := func(v []float32, shape ...int) op.Tensor {
		to := zerosOf(dev, shape...)
		copy(to.Float32s(), v)
		return to
	}
	f, err := dev.FreezeConv2D(w, bias, []int{c.co, c.kh, c.kw, c.ci}, op.ConvParams{Stride: c.Stride, Pad: c.Pad, Dilation: c.Dilation})
	if err != nil {
		t.Fatal(err)
	}
	added := of(residual, c.b, c.Out(c.h, c.kh), c.Out(c.w, c.kw), c.co)
	y := zerosOf(dev, added.Shape()...)
	dev.FrozenConv2D(y, of(x, c.b, c.h, c.w, c.ci), f, added, op.ReLUIf(c.ReLU))
	return y.Float32s()
}

// worstError is what a precision may take a sum Σ a·b by at most, as a share of Σ|a|·|b|. In
// bf16 both factors are off by at most u = 2⁻⁸, relatively. In bf16x3 a value in [1,2) has
// |l| ≤ u, which is off by at most u/2⁹, and l·l' is left out: u² + 2·u/2⁹ = 2⁻¹⁵.
func worstError(in op.Precision) float64 {
	const u = 0x1p-8
	return map[op.Precision]float64{op.BF16: 2*u + u*u, op.BF16X3: 0x1p-15 * (1 + u)}[in]
}

// TestFrozenInEveryPrecision compares frozen convolutions with the definition: of inputs in
// bf16, up to the rounding of float32 sums; and of the inputs as they are, up to worstError.
func TestFrozenInEveryPrecision(t *testing.T) {
	eachArithmetic(t, func(t *testing.T, in op.Precision) {
		for _, c := range bf16Cases {
			within := in
			if c.ci%2 != 0 && c.kh > 1 {
				within = op.FP32
			}
			rounded, _ := c.definition(within)
			exact, magnitude := c.definition(op.FP32)
			sums := 3 * float64(c.kh*c.kw*c.ci+4) * 0x1p-24 * (1 + 0x1p-6)
			for i, v := range c.run(t, &Device{precision: in}) {
				if e := math.Abs(float64(v) - rounded[i]); !(e <= sums*magnitude[i]) {
					t.Fatalf("%+v: element %d is %g, of rounded inputs %g", c, i, v, rounded[i])
				}
				if e := math.Abs(float64(v) - exact[i]); !(e <= (worstError(in)+sums)*magnitude[i]) {
					t.Fatalf("%+v: element %d is %g, exactly %g, magnitude %g", c, i, v, exact[i], magnitude[i])
				}
			}
		}
	})
}

// TestWorstError: pairs of values that come as near to the bound of bf16x3 as they can.
func TestWorstError(t *testing.T) {
	const in = op.BF16X3
	openIn(t, in)
	largest := 0.0
	for a := uint32(0x3f800000); a < 0x3f820000; a += 13 {
		x := []float32{math.Float32frombits(a)}
		y := []float32{0}
		gemm(in, false, true, 1, 1, 1, x, 1, x, 1, false, y, 1, epilogue{})
		square := float64(x[0]) * float64(x[0])
		largest = max(largest, math.Abs(float64(y[0])-square)/square)
	}
	if bound := worstError(in) + 0x1p-23; !(largest <= bound && largest > bound/3) {
		t.Errorf("the largest error is %g, want at most %g, and not far below", largest, bound)
	}
}

// TestPriorInEveryPrecision: the products are those of features in a precision, the norms of
// the features as they are; masks without foreground, with some, and of ones alone.
func TestPriorInEveryPrecision(t *testing.T) {
	eachArithmetic(t, func(t *testing.T, in op.Precision) {
		dev := &Device{precision: in}
		const h, w, c = 15, 10, 45
		r := rand.New(rand.NewPCG(5, 6))
		q, s, mask, y := zerosOf(dev, 3, h, w, c), zerosOf(dev, 3, 1, h, w, c), zerosOf(dev, 3, 1, h, w), zerosOf(dev, 3, h, w)
		copy(q.Float32s(), randomFloats(r, op.Len(q)))
		copy(s.Float32s(), randomFloats(r, op.Len(s)))
		for i := range mask.Float32s() {
			if b := i / (h * w); b == 2 || b == 1 && r.IntN(2) == 0 {
				mask.Float32s()[i] = 1
			}
		}
		dev.PriorSimilarity(y, q, s, mask)
		for i, got := range y.Float32s() {
			want := math.Inf(-1)
			for j := range h * w {
				at := i/(h*w)*h*w + j
				dot, qq, ss := 0.0, 0.0, 0.0
				for k := range c {
					a, b := q.Float32s()[i*c+k], s.Float32s()[at*c+k]
					eachProduct(in, a, b, func(v float64) { dot += v })
					qq += float64(a) * float64(a)
					ss += float64(b) * float64(b)
				}
				if mask.Float32s()[at] == 0 {
					dot = 0
				}
				want = max(want, dot/(math.Sqrt(qq*ss)+cosineEps))
			}
			if e := math.Abs(float64(got) - want); !(e <= 1e-6) {
				t.Fatalf("query %d: %g, want %g", i, got, want)
			}
		}
	})
}

// TestFrozenSameBits: the number of threads changes nothing in any precision.
// TestAttentionInBF16: the attention of encoders in bf16 is that of float32 but for the rounding,
// for numbers of keys that fill no pair, no panel and no block; smaller heads, and attention
// whose gradient is wanted, keep float32's bits.
func TestAttentionInBF16(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	half, full := openIn(t, op.BF16), openIn(t, op.FP32)
	for _, c := range []struct{ b, n, m, d, heads int }{{1, 1, 1, 64, 1}, {2, 29, 33, 64, 3}, {1, 70, 257, 64, 2}, {1, 15, 600, 96, 1}, {1, 3, 31, 128, 2}, {1, 20, 40, 32, 2}} {
		random := func(n int) op.Tensor {
			x := zerosOf(half, c.b, n, c.d*c.heads)
			copy(x.Float32s(), randomFloats(r, op.Len(x)))
			return x
		}
		q, k, v, y, want, lse := random(c.n), random(c.m), random(c.m), random(c.n), random(c.n), zerosOf(half, c.b, c.heads, c.n)
		full.SelfAttention(want, nil, q, k, v, c.heads)
		half.SelfAttention(y, lse, q, k, v, c.heads)
		if !slices.Equal(y.Float32s(), want.Float32s()) {
			t.Errorf("%+v: with a gradient it is not float32's", c)
		}
		half.SelfAttention(y, nil, q, k, v, c.heads)
		var diff, norm float64
		for i, w := range want.Float32s() {
			diff += math.Pow(float64(y.Float32s()[i]-w), 2)
			norm += float64(w) * float64(w)
		}
		switch off := math.Sqrt(diff / norm); {
		case c.d < pairedHead && off != 0, c.d >= pairedHead && !(off > 0 && off < 6e-3):
			t.Errorf("%+v: it is off by %g", c, off)
		}
	}
}

func TestFrozenSameBits(t *testing.T) {
	eachArithmetic(t, func(t *testing.T, in op.Precision) {
		for _, c := range bf16Cases {
			var first []float32
			for _, procs := range []int{1, 2, 3} {
				withProcs(procs, func() {
					got := c.run(t, &Device{precision: in})
					if first == nil {
						first = got
					}
					sameBits(t, fmt.Sprintf("%+v with %d threads", c, procs), got, first)
				})
			}
		}
	})
}

func TestFrozenDoesNotAllocate(t *testing.T) {
	eachArithmetic(t, func(t *testing.T, in op.Precision) {
		s := newConvShape(1, 10, 10, 16, 24, 3, 3, 2, 1, 1)
		d := randomConv(rand.New(rand.NewPCG(23, 24)), s)
		w := packWeights(in, d.w, s.Cout, s.KH*s.KW, s.Cin)
		for name, f := range map[string]func(){
			"forward": func() {
				convForward(in, s, d.y, d.x, nil, w, epilogue{d.bias, d.residual, op.ReLUActivation}, halves{})
			},
			"data":   func() { convBackwardData(in, s, d.x, d.y, d.w, true) },
			"weight": func() { convBackwardWeight(in, s, d.w, d.bias, d.x, d.y) },
		} {
			if got := testing.AllocsPerRun(5, f); got != 0 {
				t.Errorf("%s: %v allocations once warm, want 0", name, got)
			}
		}
	})
}

// TestOpenPrecision: what the processor lacks is an error that says what to choose.
func TestOpenPrecision(t *testing.T) {
	refused := func(p op.Precision, want ...string) {
		t.Helper()
		_, err := Open(p)
		for _, w := range append(want, "choose fp32") {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%v: %v; the message should say %q", p, err, w)
			}
		}
	}
	refused(op.TF32, "no tf32")
	for _, p := range []op.Precision{op.BF16, op.BF16X3} {
		t.Run(p.String(), func(t *testing.T) {
			dev := openIn(t, p)
			if dev.Precision() != p || !strings.HasSuffix(dev.Name(), " in "+p.String()) {
				t.Errorf("opens %q in %v", dev.Name(), dev.Precision())
			}
			for _, isa := range instructionSets {
				if isa.usable && isa.pairs == nil {
					useISA(t, isa)
					refused(p, "HDMNET_CPU="+isa.name, "unset it")
				}
			}
		})
	}
	old := instructionSets
	t.Cleanup(func() { instructionSets = old })
	plain := *old[len(old)-1]
	instructionSets = []*instructionSet{&plain}
	useISA(t, &plain)
	refused(op.BF16, "AVX512_BF16")
	if dev, err := Open(op.FP32); err != nil || dev.Precision() != op.FP32 {
		t.Errorf("fp32: %v", err)
	}
}

// BenchmarkBF16 compares the fastest runs of products with frozen weights in three
// precisions, in turn: squares, and 1×1 and 3×3 convolutions of ResNet-50 at 473².
func BenchmarkBF16(b *testing.B) {
	openIn(b, op.BF16)
	r := rand.New(rand.NewPCG(19, 20))
	for _, c := range []struct{ h, w, ci, co, k, dilation int }{
		{1, 1024, 1024, 1024, 1, 1}, {1, 2048, 2048, 2048, 1, 1},
		{119, 119, 64, 64, 1, 1}, {119, 119, 64, 256, 1, 1}, {60, 60, 512, 128, 1, 1}, {60, 60, 1024, 256, 1, 1},
		{60, 60, 256, 1024, 1, 1}, {60, 60, 2048, 512, 1, 1}, {60, 60, 512, 2048, 1, 1},
		{119, 119, 64, 64, 3, 1}, {60, 60, 128, 128, 3, 1}, {60, 60, 256, 256, 3, 2}, {60, 60, 512, 512, 3, 4}, {60, 60, 2048, 512, 3, 1},
	} {
		p := op.ConvParams{Stride: 1, Pad: c.k / 2 * c.dilation, Dilation: c.dilation}
		w := randomFloats(r, c.co*c.k*c.k*c.ci)
		gflop := 2 * float64(c.h*c.w*c.k*c.k*c.ci*c.co) * 1e-9
		var run [3]func()
		for i, precision := range []op.Precision{op.FP32, op.BF16, op.BF16X3} {
			dev := &Device{precision: precision}
			x, y := zerosOf(dev, 1, c.h, c.w, c.ci), zerosOf(dev, 1, c.h, c.w, c.co)
			copy(x.Float32s(), randomFloats(r, op.Len(x)))
			f, err := dev.FreezeConv2D(w, nil, []int{c.co, c.k, c.k, c.ci}, p)
			if err != nil {
				b.Fatal(err)
			}
			run[i] = func() { dev.FrozenConv2D(y, x, f, nil, op.ReLUActivation) }
		}
		b.Run(fmt.Sprintf("%dx%d_%d_to_%d_by_%dx%d", c.h, c.w, c.ci, c.co, c.k, c.k), func(b *testing.B) {
			seconds := [3]float64{math.Inf(1), math.Inf(1), math.Inf(1)}
			for b.Loop() {
				for i, f := range run {
					begun := b.Elapsed()
					f()
					seconds[i] = min(seconds[i], (b.Elapsed() - begun).Seconds())
				}
			}
			b.ReportMetric(gflop/seconds[0], "fp32-GF/s")
			b.ReportMetric(gflop/seconds[1], "bf16-GF/s")
			b.ReportMetric(gflop/seconds[2], "bf16x3-GF/s")
			b.ReportMetric(seconds[0]/seconds[1], "ratio")
		})
	}
}
