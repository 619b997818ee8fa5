//go:build cuda

package cuda

import (
	"fmt"
	"math/rand/v2"

	"hdmnet/internal/op"
)

// twinConv is one convolution of TestTwin, forward and backward.
type twinConv struct {
	b, h, w, ci, co, kh, kw int
	p                       op.ConvParams
}

func (c twinConv) run(d op.Device, o *operands) []op.Tensor {
	ho, wo := c.p.Out(c.h, c.kh), c.p.Out(c.w, c.kw)
	x, w, bias, residual := o.floats(c.b, c.h, c.w, c.ci), o.floats(c.co, c.kh, c.kw, c.ci), o.floats(c.co), o.floats(c.b, ho, wo, c.co)
	y, dx, dw, db := o.floats(c.b, ho, wo, c.co), o.floats(c.b, c.h, c.w, c.ci), o.floats(c.co, c.kh, c.kw, c.ci), o.floats(c.co)
	dy := o.floats(c.b, ho, wo, c.co)
	p := c.p
	p.ReLU = true
	d.Conv2D(y, x, w, bias, residual, p)
	d.Conv2DGradInput(dx, dy, w, c.p)
	d.Conv2DGradWeight(dw, db, x, dy, c.p)
	return []op.Tensor{y, dx, dw, db}
}

func (c twinConv) name() string { return fmt.Sprintf("%+v", c) }

// products runs the convolution forward as Conv2D, as FrozenConv2D and, where it is one, as
// Linear, with the same inputs, changed by change.
func (c twinConv) products(d op.Device, change func(float32) float32) (all [][]float32, names []string) {
	draw := rand.New(rand.NewPCG(7, 8))
	arena := op.NewArena(d)
	defer arena.Close()
	input := func(shape ...int) (op.Tensor, []float32) {
		t := arena.Float32(shape...)
		v := make([]float32, op.Len(t))
		for i := range v {
			v[i] = change(2*draw.Float32() - 1)
		}
		d.Upload(t, v)
		return t, v
	}
	x, _ := input(c.b, c.h, c.w, c.ci)
	w, weights := input(c.co, c.kh, c.kw, c.ci)
	y := arena.Float32(c.b, c.p.Out(c.h, c.kh), c.p.Out(c.w, c.kw), c.co)
	keep := func(name string) {
		v := make([]float32, op.Len(y))
		d.Download(v, y)
		all, names = append(all, v), append(names, name)
	}
	d.Conv2D(y, x, w, nil, nil, c.p)
	keep("Conv2D")
	frozen, err := d.FreezeConv2D(weights, nil, w.Shape(), c.p)
	if err != nil {
		panic(err)
	}
	d.FrozenConv2D(y, x, frozen, nil, op.NoActivation)
	keep("FrozenConv2D")
	if err := frozen.Close(); err != nil {
		panic(err)
	}
	if c.kh*c.kw == 1 && c.p.Stride == 1 {
		d.Linear(y, x, op.Span(w, 0, c.co, c.ci), nil)
		keep("Linear")
	}
	return all, names
}

// Channels that 4 divides, in every geometry that the network has and some more.
func init() {
	for _, c := range []twinConv{
		{2, 9, 7, 12, 20, 1, 1, op.ConvParams{Stride: 1, Dilation: 1}},
		{2, 9, 7, 12, 20, 1, 1, op.ConvParams{Stride: 2, Dilation: 1}},
		{1, 13, 11, 20, 68, 3, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}},
		{2, 12, 15, 8, 12, 3, 3, op.ConvParams{Stride: 2, Pad: 1, Dilation: 1}},
		{1, 11, 13, 8, 4, 3, 3, op.ConvParams{Stride: 1, Pad: 4, Dilation: 4}},
		{1, 17, 12, 4, 8, 3, 3, op.ConvParams{Stride: 2, Pad: 2, Dilation: 2}},
		{1, 19, 20, 4, 8, 5, 4, op.ConvParams{Stride: 3, Pad: 2, Dilation: 2}},
		{1, 16, 17, 4, 8, 4, 4, op.ConvParams{Stride: 4, Dilation: 1}},
		{1, 10, 10, 4, 8, 2, 2, op.ConvParams{Stride: 4, Pad: 1, Dilation: 6}},
		{1, 3, 2, 4, 4, 7, 7, op.ConvParams{Stride: 2, Pad: 3, Dilation: 1}},
		{1, 40, 30, 4, 8, 3, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}}, // dw in several parts
	} {
		twinCases["conv2d "+c.name()] = c.run
	}
}
