package cpu

import "hdmnet/internal/op"

// Add computes y = a + b.
func (d *Device) Add(y, a, b op.Tensor) {
	op.SameSize("Add", y, a, b)
	yv, av, bv := f32(y), f32(a), f32(b)
	parallelFor(len(yv), elementGrain, func(lo, hi int) {
		addTo(yv[lo:hi], av[lo:hi], bv[lo:hi])
	})
}

// AddScaled computes y += alpha·x.
func (d *Device) AddScaled(y, x op.Tensor, alpha float32) {
	op.SameSize("AddScaled", y, x)
	yv, xv := f32(y), f32(x)
	parallelFor(len(yv), elementGrain, func(lo, hi int) {
		addScaledRow(yv[lo:hi], xv[lo:hi], alpha)
	})
}
