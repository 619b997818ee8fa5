package cpu

import "hdmnet/internal/op"

// Add computes y = a + b.
func (d *Device) Add(y, a, b op.Tensor) {
	op.SameSize("Add", y, a, b)
	yv, av, bv := f32(y), f32(a), f32(b)
	parallelFor(len(yv), elementGrain, func(lo, hi int) {
		y, a, b := yv[lo:hi], av[lo:hi], bv[lo:hi]
		b = b[:len(a)]
		y = y[:len(a)]
		for i, v := range a {
			y[i] = v + b[i]
		}
	})
}

// AddScaled computes y += alpha·x.
func (d *Device) AddScaled(y, x op.Tensor, alpha float32) {
	op.SameSize("AddScaled", y, x)
	yv, xv := f32(y), f32(x)
	parallelFor(len(yv), elementGrain, func(lo, hi int) {
		y, x := yv[lo:hi], xv[lo:hi]
		y = y[:len(x)]
		for i, v := range x {
			y[i] += alpha * v
		}
	})
}
