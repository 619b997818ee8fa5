package cpu

import (
	"slices"

	"hdmnet/internal/op"
)

// frozenConv is a convolution whose weights are packed once: for Winograd's algorithm
// where that wins, which is in float32 always, else for the plain product in the device's
// precision.
type frozenConv struct {
	shape    []int // [Cout,KH,KW,Cin]
	params   op.ConvParams
	bias     []float32
	rounded  bool // packed holds them in bf16
	packed   *packedB
	winograd *winogradWeights
}

func (c *frozenConv) Shape() []int          { return c.shape }
func (c *frozenConv) Params() op.ConvParams { return c.params }

// Close leaves the memory to the garbage collector.
func (c *frozenConv) Close() error {
	c.packed, c.winograd = nil, nil
	return nil
}

// FreezeConv2D packs the weights.
func (d *Device) FreezeConv2D(w, bias []float32, shape []int, p op.ConvParams) (op.FrozenConv, error) {
	op.CheckFreezeConv2D(w, bias, shape, p)
	c := &frozenConv{shape: slices.Clone(shape), params: p, bias: slices.Clone(bias)}
	s := convShape{Cin: shape[3], KH: shape[1], KW: shape[2], Stride: p.Stride, Pad: p.Pad}
	switch {
	case winogradPays(shape, p):
		c.winograd = newWinogradWeights(w, shape[0], shape[3])
	case d.precision == op.BF16 && s.pairs():
		c.rounded, c.packed = true, packWeightsBF16(w, shape[0], s.patch())
	default:
		c.packed = packWeights(w, shape[0], s.patch())
	}
	return c, nil
}

// FrozenConv2D computes y = relu(conv(x) + bias + residual).
func (d *Device) FrozenConv2D(y, x op.Tensor, c op.FrozenConv, residual op.Tensor, relu bool) {
	op.CheckFrozenConv2D(y, x, c, residual)
	f := c.(*frozenConv)
	xs, p := x.Shape(), f.params
	s := convShape{B: xs[0], H: xs[1], W: xs[2], Cin: xs[3], Cout: f.shape[0], KH: f.shape[1], KW: f.shape[2],
		Stride: p.Stride, Pad: p.Pad, Dil: p.Dilation, Ho: p.Out(xs[1], f.shape[1]), Wo: p.Out(xs[2], f.shape[2])}
	switch {
	case f.winograd != nil:
		convWinograd(s, f32(y), f32(x), f.winograd, f.bias, f32(residual), relu)
	case f.rounded:
		convForwardBF16(s, f32(y), f32(x), f.bias, f32(residual), relu, f.packed)
	default:
		convForward(s, f32(y), f32(x), nil, f.bias, f32(residual), relu, f.packed)
	}
}
