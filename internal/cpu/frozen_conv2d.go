package cpu

import (
	"slices"

	"hdmnet/internal/op"
)

// frozenConv is a convolution whose weights are packed once: for Winograd's algorithm
// where that wins, which is in float32 always, and in bf16 where products are not by AMX, else for the plain product in the device's
// precision.
type frozenConv struct {
	dev      *Device
	bytes    int64 // of the weights and the bias
	shape    []int // [Cout,KH,KW,Cin]
	params   op.ConvParams
	bias     []float32
	in       op.Precision // of packed
	packed   *packedB
	winograd *winogradWeights
}

func (c *frozenConv) Shape() []int          { return c.shape }
func (c *frozenConv) Params() op.ConvParams { return c.params }

// ReadsHalves: the inputs of products in bf16 are rounded.
func (c *frozenConv) ReadsHalves() bool { return c.winograd == nil && c.in == op.BF16 }

// readsHalves tells whether some frozen convolutions read halves.
func (d *Device) readsHalves() bool { return d.precision == op.BF16 }

// Close leaves the memory to the garbage collector.
func (c *frozenConv) Close() error {
	c.dev.count(-c.bytes)
	c.packed, c.winograd, c.bytes = nil, nil, 0
	return nil
}

// FreezeConv2D packs the weights.
func (d *Device) FreezeConv2D(w, bias []float32, shape []int, p op.ConvParams) (op.FrozenConv, error) {
	op.CheckFreezeConv2D(w, bias, shape, p)
	c := &frozenConv{dev: d, bytes: int64(len(bias)) * 4, shape: slices.Clone(shape), params: p, bias: slices.Clone(bias)}
	s := convShape{Cin: shape[3], KH: shape[1], KW: shape[2], Stride: p.Stride, Pad: p.Pad}
	if winogradPays(shape, p) && !(d.precision == op.BF16 && currentISA().hasTiles()) {
		c.winograd = newWinogradWeights(w, shape[0], shape[3])
		for _, u := range c.winograd.u {
			c.bytes += u.bytes()
		}
	} else {
		c.in = s.within(d.precision)
		c.packed = packWeights(c.in, w, shape[0], shape[1]*shape[2], shape[3])
		c.bytes += c.packed.bytes()
	}
	d.count(c.bytes)
	return c, nil
}

// FrozenConv2D computes y = activation(conv(x) + bias + residual). Of halves, two channels are
// one element of the slices.
func (d *Device) FrozenConv2D(y, x op.Tensor, c op.FrozenConv, residual op.Tensor, activation op.Activation) {
	op.CheckFrozenConv2D(y, x, c, residual, activation)
	f := c.(*frozenConv)
	xs, p := x.Shape(), f.params
	s := convShape{B: xs[0], H: xs[1], W: xs[2], Cin: xs[3], Cout: f.shape[0], KH: f.shape[1], KW: f.shape[2],
		Stride: p.Stride, Pad: p.Pad, Dil: p.Dilation, Ho: p.Out(xs[1], f.shape[1]), Wo: p.Out(xs[2], f.shape[2])}
	half := halves{x: op.IsHalf(x), y: op.IsHalf(y)}
	if half.x && !f.ReadsHalves() || half.y && residual != nil || op.IsHalf(residual) {
		panic("cpu: FrozenConv2D: takes halves as x where it rounds x, and as y without residual")
	}
	if f.winograd != nil {
		convWinograd(s, f32(y), f32(x), f.winograd, f.bias, f32(residual), activation == op.ReLUActivation, half.y)
	} else {
		convForward(f.in, s, f32(y), f32(x), nil, f.packed, epilogue{bias: f.bias, residual: f32(residual), activation: activation}, half)
	}
}
