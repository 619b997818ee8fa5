package cpu

import (
	"math"

	"hdmnet/internal/op"
)

// ReLU computes y = max(0, x); NaN stays NaN.
func (d *Device) ReLU(y, x op.Tensor) {
	n := op.CheckReLU(y, x)
	rectifying.run(n, elementGrain, reluArgs{y: f32(y), x: f32(x)})
}

type reluArgs struct{ y, x, dx, dy []float32 }

var (
	rectifying = newLoop(func(a *reluArgs, lo, hi int) {
		y, x := a.y[lo:hi], a.x[lo:hi]
		if loops, n := loopsFor(len(x)); loops.relu != nil {
			loops.relu(&y[0], &x[0], n)
			y, x = y[n:], x[n:]
		}
		y = y[:len(x)]
		for i, v := range x {
			y[i] = max(v, 0)
		}
	})
	rectifyingGrad = newLoop(func(a *reluArgs, lo, hi int) {
		dx, dy, y := a.dx[lo:hi], a.dy[lo:hi], a.y[lo:hi]
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
)

// ReLUGrad adds dy where y > 0 to dx. The choice is made with a bit mask: a branch on
// random signs costs ten times as much.
func (d *Device) ReLUGrad(dx, dy, y op.Tensor) {
	n := op.CheckReLUGrad(dx, dy, y)
	rectifyingGrad.run(n, elementGrain, reluArgs{y: f32(y), dx: f32(dx), dy: f32(dy)})
}
