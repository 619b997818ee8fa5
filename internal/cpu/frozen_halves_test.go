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
	next int // kernel of the reader
}

var halvesCases = []halvesCase{
	{1, 13, 11, 64, 64, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}, 1}, // Winograd's algorithm without AMX
	{2, 9, 14, 64, 128, 3, op.ConvParams{Stride: 1, Pad: 2, Dilation: 2}, 1}, // on sub-grids of unequal size
	{1, 5, 7, 64, 64, 3, op.ConvParams{Stride: 1, Pad: 4, Dilation: 4}, 1},   // a pixel or two in each
	{2, 17, 17, 64, 64, 3, op.ConvParams{Stride: 1, Pad: 4, Dilation: 4}, 1}, // tiles that only the largest have
	{1, 20, 17, 40, 72, 3, op.ConvParams{Stride: 2, Pad: 1, Dilation: 1}, 1}, // a product of patches
	{1, 3, 5, 1100, 520, 1, op.ConvParams{Stride: 1, Dilation: 1}, 1},        // several passes, before and behind
	{1, 1, 1, 8, 8, 1, op.ConvParams{Stride: 1, Dilation: 1}, 1},             // one pixel
	{2, 13, 14, 96, 64, 1, op.ConvParams{Stride: 1, Dilation: 1}, 3},         // read as patches with AMX
	{1, 33, 18, 24, 16, 1, op.ConvParams{Stride: 1, Dilation: 1}, 2},         // read as patches everywhere
	{1, 19, 12, 16, 1100, 1, op.ConvParams{Stride: 1, Dilation: 1}, 1},       // blocks of columns
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
	dev.FrozenConv2D(z, x, first, nil, true)
	out := zerosOf(dev, c.b, reader.Out(shape[1], c.next), reader.Out(shape[2], c.next), 24)
	dev.FrozenConv2D(out, z, second, nil, false)
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
					sameBits(t, fmt.Sprintf("%+v with %d threads", c, procs), got, want)
					for i, v := range rounded {
						if e := math.Abs(float64(v) - float64(exact[i])); e > math.Abs(float64(exact[i]))*0x1p-8 {
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
