package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"hdmnet/internal/op"
)

// halvesCase is a convolution whose output only another one reads.
type halvesCase struct {
	b, h, w, ci, co int
	kernel          int
	op.ConvParams
	next       int // kernel of the reader
	activation op.Activation
}

var halvesCases = []halvesCase{
	{1, 13, 11, 64, 64, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}, 1, op.ReLUActivation}, // Winograd's algorithm without AMX
	{2, 9, 14, 64, 128, 3, op.ConvParams{Stride: 1, Pad: 2, Dilation: 2}, 1, op.ReLUActivation}, // on sub-grids of unequal size
	{1, 5, 7, 64, 64, 3, op.ConvParams{Stride: 1, Pad: 4, Dilation: 4}, 1, op.ReLUActivation},   // a pixel or two in each
	{2, 17, 17, 64, 64, 3, op.ConvParams{Stride: 1, Pad: 4, Dilation: 4}, 1, op.ReLUActivation}, // tiles that only the largest have
	{1, 20, 17, 40, 72, 3, op.ConvParams{Stride: 2, Pad: 1, Dilation: 1}, 1, op.ReLUActivation}, // a product of patches
	{1, 3, 5, 1100, 520, 1, op.ConvParams{Stride: 1, Dilation: 1}, 1, op.ReLUActivation},        // several passes, before and behind
	{1, 1, 1, 8, 8, 1, op.ConvParams{Stride: 1, Dilation: 1}, 1, op.ReLUActivation},             // one pixel
	{2, 13, 14, 96, 64, 1, op.ConvParams{Stride: 1, Dilation: 1}, 3, op.ReLUActivation},         // read as patches with AMX
	{1, 33, 18, 24, 16, 1, op.ConvParams{Stride: 1, Dilation: 1}, 2, op.ReLUActivation},         // read as patches everywhere
	{1, 19, 12, 16, 1100, 1, op.ConvParams{Stride: 1, Dilation: 1}, 1, op.ReLUActivation},       // blocks of columns
	{1, 31, 23, 16, 1100, 1, op.ConvParams{Stride: 1, Dilation: 1}, 1, op.GELUActivation},
	{1, 3, 5, 1100, 520, 1, op.ConvParams{Stride: 1, Dilation: 1}, 1, op.NoActivation},
}

// run returns both convolutions' outputs, with halves or float32 between them; in halves the
// first one is returned as float32.
func (c *halvesCase) run(t *testing.T, dev *Device, half bool) (between, y []float32, read bool) {
	r := rand.New(rand.NewPCG(uint64(c.ci), uint64(c.co)))
	freeze := func(ci, co, kernel int, p op.ConvParams) op.FrozenConv {
		f, err := dev.FreezeConv2D(randomFloats(r, co*kernel*kernel*ci), randomFloats(r, co), []int{co, kernel, kernel, ci}, p)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first := freeze(c.ci, c.co, c.kernel, c.ConvParams)
	reader := op.ConvParams{Stride: 1, Pad: c.next / 2, Dilation: 1}
	second := freeze(c.co, 24, c.next, reader)
	x := zerosOf(dev, c.b, c.h, c.w, c.ci)
	copy(x.Float32s(), randomFloats(r, op.Len(x)))
	shape := []int{c.b, c.Out(c.h, c.kernel), c.Out(c.w, c.kernel), c.co}
	z := zerosOf(dev, shape...)
	if half && second.ReadsHalves() {
		z = tensor.New(tensor.Of(op.Half), tensor.WithShape(shape...), tensor.WithBacking(make([]uint16, op.Len(z))))
	}
	dev.FrozenConv2D(z, x, first, nil, c.activation)
	out := zerosOf(dev, c.b, reader.Out(shape[1], c.next), reader.Out(shape[2], c.next), 24)
	dev.FrozenConv2D(out, z, second, nil, op.NoActivation)
	if z.Dtype() == tensor.Float32 {
		return z.Float32s(), out.Float32s(), second.ReadsHalves()
	}
	for _, bits := range z.Uint16s() {
		between = append(between, math.Float32frombits(uint32(bits)<<16))
	}
	return between, out.Float32s(), true
}

// TestFrozenHalves: a map that is kept in halves gives its reader the same bits, on any number
// of threads, and holds what float32 would, rounded to nearest.
func TestFrozenHalves(t *testing.T) {
	eachArithmetic(t, func(t *testing.T, in op.Precision) {
		some := false
		for _, c := range halvesCases {
			dev := &Device{precision: in}
			exact, want, reads := c.run(t, dev, false)
			if !reads {
				continue
			}
			some = true
			for _, procs := range []int{1, 3} {
				withProcs(procs, func() {
					rounded, got, _ := c.run(t, dev, true)
					slack := 0.0
					if c.activation == op.GELUActivation { // of a shorter series: see TestRoundedGELU
						slack = 3e-5
					} else {
						sameBits(t, fmt.Sprintf("%+v with %d threads", c, procs), got, want)
					}
					for i, v := range rounded {
						if e := math.Abs(float64(v) - float64(exact[i])); e > math.Abs(float64(exact[i]))*0x1p-8+slack {
							t.Fatalf("%+v: element %d is %g, rounded %g", c, i, exact[i], v)
						}
					}
				})
			}
		}
		if some != (in == op.BF16) {
			t.Errorf("in %v a reader of halves: %v", in, some)
		}
	})
}

// TestRoundedGELU: pairs of x·Φ(x) over all of its range, against float64.
func TestRoundedGELU(t *testing.T) {
	isa, err := pairISA(op.BF16)
	if err != nil {
		t.Skip(err)
	}
	const rows, n = 40, 1003 // no whole vectors
	x, y := make([]float32, rows*n), make([]float32, rows*(n+1)/2)
	for i := range x {
		x[i] = float32(i-len(x)/2) * 2.5e-4 // ±5
	}
	copy(x, []float32{0, -0, 1e-30, -1e-30, -6, -100, -1e30, 6, 100, 1e30, float32(math.Inf(1))})
	x[n-1] = float32(math.NaN())
	isa.gelu(&y[0], (n+1)/2, &x[0], n, rows, n)
	for i, v := range x {
		bits := math.Float32bits(y[i/n*(n+1)/2+i%n/2]) >> (16 * (i % n % 2)) << 16
		z, got := float64(v), float64(math.Float32frombits(bits))
		want := z * 0.5 * math.Erfc(-z/math.Sqrt2)
		bound := math.Abs(want)*(0x1p-8+1e-4) + 1e-38 // a rounding, and what is said of Φ
		switch {
		case z < -geluTail:
			bound += 6e-6 * min(-z, 4.4)
		case z < -2.5:
			bound = math.Abs(want) * (0x1p-8 + 1.2e-3)
		}
		if math.IsNaN(z) != math.IsNaN(got) || math.Abs(got-want) > bound {
			t.Fatalf("GELU of %g is %g, want %g", z, got, want)
		}
	}
}

// geluTail is from where on x·Φ(x) has no bound on its relative error.
const geluTail = 3.5

// TestRoundedRows: LayerNorm and SelfAttention write halves that are their float32, rounded to
// nearest, on any number of threads.
func TestRoundedRows(t *testing.T) {
	dev, err := Open(op.BF16)
	if err != nil {
		t.Skip(err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	filled := func(shape ...int) op.Tensor {
		x := zerosOf(dev, shape...)
		copy(x.Float32s(), randomFloats(r, op.Len(x)))
		return x
	}
	check := func(what string, write func(y op.Tensor), shape ...int) {
		exact := zerosOf(dev, shape...)
		write(exact)
		for _, procs := range []int{1, 3} {
			y := tensor.New(tensor.Of(op.Half), tensor.WithShape(shape...), tensor.WithBacking(make([]uint16, op.Len(exact))))
			withProcs(procs, func() { write(y) })
			for i, bits := range y.Uint16s() {
				want := math.Float32bits(exact.Float32s()[i])
				if want += 0x7fff + want>>16&1; uint32(bits) != want>>16 {
					t.Fatalf("%s, %d threads: element %d of %g is %#x, want %#x", what, procs, i, exact.Float32s()[i], bits, want>>16)
				}
			}
		}
	}
	for _, s := range [][3]int{{1, 1, 8}, {2, 13, 24}, {1, 70, 768}, {3, 9, 40}} {
		x, w, b := filled(s[:]...), filled(s[2]), filled(s[2])
		mean, rstd := zerosOf(dev, s[0]*s[1]), zerosOf(dev, s[0]*s[1])
		check(fmt.Sprint("LayerNorm ", s), func(y op.Tensor) { dev.LayerNorm(y, mean, rstd, x, w, b, 1e-6) }, s[:]...)
	}
	for _, s := range [][4]int{{1, 1, 8, 4}, {2, 37, 48, 2}, {1, 61, 128, 2}, {2, 300, 64, 1}, {1, 29, 192, 2}} { // heads of 2, 24, 64, 64 and 96
		q, k, v := filled(s[:3]...), filled(s[0], s[1]+3, s[2]), filled(s[0], s[1]+3, s[2])
		check(fmt.Sprint("SelfAttention ", s), func(y op.Tensor) { dev.SelfAttention(y, nil, q, k, v, s[3]) }, s[:3]...)
	}
}
