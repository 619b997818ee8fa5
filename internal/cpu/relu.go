package cpu

import (
	"math"

	"hdmnet/internal/op"
)

// ReLU computes y = max(0, x); NaN stays NaN.
func (d *Device) ReLU(y, x op.Tensor) {
	op.SameSize("ReLU", y, x)
	yv, xv := f32(y), f32(x)
	parallelFor(len(yv), elementGrain, func(lo, hi int) {
		y, x := yv[lo:hi], xv[lo:hi]
		if loops, n := loopsFor(len(x)); loops.relu != nil {
			loops.relu(&y[0], &x[0], n)
			y, x = y[n:], x[n:]
		}
		y = y[:len(x)]
		for i, v := range x {
			y[i] = max(v, 0)
		}
	})
}

// ReLUGrad adds dy where y > 0 to dx. The choice is made with a bit mask: a branch on
// random signs costs ten times as much.
func (d *Device) ReLUGrad(dx, dy, y op.Tensor) {
	op.SameSize("ReLUGrad", dx, dy, y)
	dxv, dyv, yv := f32(dx), f32(dy), f32(y)
	parallelFor(len(yv), elementGrain, func(lo, hi int) {
		dx, dy, y := dxv[lo:hi], dyv[lo:hi], yv[lo:hi]
		if loops, n := loopsFor(len(y)); loops.reluGrad != nil {
			loops.reluGrad(&dx[0], &dy[0], &y[0], n)
			dx, dy, y = dx[n:], dy[n:], y[n:]
		}
		dy = dy[:len(y)]
		dx = dx[:len(y)]
		for i, v := range y {
			u := int32(math.Float32bits(v))
			positive := uint32(-u>>31) &^ uint32(u>>31) // all ones where v is neither ±0 nor negative
			dx[i] += math.Float32frombits(math.Float32bits(dy[i]) & positive)
		}
	})
}
