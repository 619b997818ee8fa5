package cpu

import (
	"math"

	"hdmnet/internal/op"
)

// GELU computes x·Φ(x), Φ(x) = (1 + erf(x/√2))/2.
func (d *Device) GELU(y, x op.Tensor) {
	n := op.CheckGELU(y, x)
	gelus.run(n, elementGrain/8, geluArgs{y: f32(y), x: f32(x)})
}

type geluArgs struct{ y, x, dx, dy []float32 }

var (
	gelus = newLoop(func(a *geluArgs, lo, hi int) {
		geluRow(a.y[lo:hi], a.x[lo:hi])
	})
	geluGrads = newLoop(func(a *geluArgs, lo, hi int) {
		const density = 0.3989422804014327 // 1/√(2π)
		dx, g, x := a.dx[lo:hi], a.dy[lo:hi], a.x[lo:hi]
		for i := geluGradVector(dx, g, x); i < len(x); i++ {
			v := x[i]
			phi := float32(0.5 + 0.5*erf64(float64(v)*(1/math.Sqrt2)))
			dx[i] += g[i] * (phi + v*density*exp32(-0.5*v*v))
		}
	})
)

// geluRow computes y = x·Φ(x); y may be x.
func geluRow(y, x []float32) {
	for i := geluVector(y, x); i < len(x); i++ {
		z := float64(x[i])
		y[i] = float32(0.5 * z * (1 + erf64(z*(1/math.Sqrt2))))
	}
}

// GELUGrad adds dy·(Φ(x) + x·φ(x)) to dx, φ(x) = exp(−x²/2)/√(2π).
func (d *Device) GELUGrad(dx, dy, x op.Tensor) {
	n := op.CheckGELUGrad(dx, dy, x)
	geluGrads.run(n, elementGrain/8, geluArgs{x: f32(x), dx: f32(dx), dy: f32(dy)})
}
