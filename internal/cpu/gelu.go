package cpu

import (
	"math"

	"hdmnet/internal/op"
)

// GELU computes x·Φ(x), Φ(x) = (1 + erf(x/√2))/2.
func (d *Device) GELU(y, x op.Tensor) {
	op.SameSize("GELU", y, x)
	yv, xv := f32(y), f32(x)
	parallelFor(len(yv), elementGrain/8, func(lo, hi int) {
		y, x := yv[lo:hi], xv[lo:hi]
		for i := geluVector(y, x); i < len(x); i++ {
			z := float64(x[i])
			y[i] = float32(0.5 * z * (1 + erf64(z*(1/math.Sqrt2))))
		}
	})
}

// GELUGrad adds dy·(Φ(x) + x·φ(x)) to dx, φ(x) = exp(−x²/2)/√(2π).
func (d *Device) GELUGrad(dx, dy, x op.Tensor) {
	op.SameSize("GELUGrad", dx, dy, x)
	dxv, gv, xv := f32(dx), f32(dy), f32(x)
	const density = 0.3989422804014327 // 1/√(2π)
	parallelFor(len(xv), elementGrain/8, func(lo, hi int) {
		dx, g, x := dxv[lo:hi], gv[lo:hi], xv[lo:hi]
		for i := geluGradVector(dx, g, x); i < len(x); i++ {
			v := x[i]
			phi := float32(0.5 + 0.5*erf64(float64(v)*(1/math.Sqrt2)))
			dx[i] += g[i] * (phi + v*density*exp32(-0.5*v*v))
		}
	})
}
