//go:build cuda

package cuda

import "hdmnet/internal/op"

// Add computes y = a + b.
func (d *Device) Add(y, a, b op.Tensor) {
	n := op.CheckAdd(y, a, b)
	d.launch("add", d.perFour(n), y, a, b, n)
}

// AddScaled computes y += alpha·x.
func (d *Device) AddScaled(y, x op.Tensor, alpha float32) {
	n := op.CheckAddScaled(y, x)
	d.launch("add_scaled", d.perFour(n), y, x, alpha, n, !d.fresh(y))
}
