//go:build cuda

package cuda

import "hdmnet/internal/op"

// Pools, the depthwise convolution and the pyramid, on maps of several blocks.
func init() {
	twinCases["depthwise3x3"] = func(d op.Device, o *operands) []op.Tensor {
		x, w, bias, dy := o.floats(2, 29, 19, 36), o.floats(3, 3, 36), o.floats(36), o.floats(2, 29, 19, 36)
		y, dx, dw, db := o.floats(2, 29, 19, 36), o.floats(2, 29, 19, 36), o.floats(3, 3, 36), o.floats(36)
		d.Depthwise3x3(y, x, w, bias)
		d.Depthwise3x3Grad(dx, dw, db, dy, x, w)
		return []op.Tensor{y, dx, dw, db}
	}
	for name, p := range map[string]op.PoolParams{
		"max pool of the stem": {Kernel: 3, Stride: 2, Pad: 1},
		"max pool ceil":        {Kernel: 2, Stride: 2, Ceil: true},
		"max pool overlapping": {Kernel: 5, Stride: 1, Pad: 2},
		"max pool apart":       {Kernel: 2, Stride: 3},
	} {
		twinCases[name] = func(d op.Device, o *operands) []op.Tensor {
			x, dx := o.floats(2, 23, 31, 12), o.floats(2, 23, 31, 12)
			ho, wo := p.Out(23), p.Out(31)
			y, dy, argmax := o.floats(2, ho, wo, 12), o.floats(2, ho, wo, 12), o.arena.Int32(2, ho, wo, 12)
			d.MaxPool(y, argmax, x, p)
			d.MaxPoolGrad(dx, dy, argmax)
			return []op.Tensor{y, dx}
		}
	}
	twinCases["adaptive average pool"] = func(d op.Device, o *operands) []op.Tensor {
		var out []op.Tensor
		for _, cells := range []int{1, 2, 3, 6, 40} {
			x, y := o.floats(2, 23, 31, 36), o.floats(2, cells, cells, 36)
			dx, dy := o.floats(2, 23, 31, 36), o.floats(2, cells, cells, 36)
			d.AdaptiveAvgPool(y, x)
			d.AdaptiveAvgPoolGrad(dx, dy)
			out = append(out, y, dx)
		}
		return out
	}
	twinCases["pyramid"] = func(d op.Device, o *operands) []op.Tensor {
		y := o.floats(2, 21, 18, 20)
		var q []op.Tensor
		for _, n := range []int{1, 2, 3, 6} {
			q = append(q, o.floats(2, n, n, 9*20))
		}
		d.PyramidSpread(y, q)
		return []op.Tensor{y}
	}
}
