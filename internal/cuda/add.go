//go:build cuda

package cuda

import "hdmnet/internal/op"

// Add computes y = a + b.
func (d *Device) Add(y, a, b op.Tensor) {
	op.SameSize("Add", y, a, b)
	n := op.Len(y)
	d.launch("add", d.perFour(n), y, a, b, n)
}

// AddScaled computes y += alpha·x.
func (d *Device) AddScaled(y, x op.Tensor, alpha float32) {
	op.SameSize("AddScaled", y, x)
	n := op.Len(y)
	d.launch("add_scaled", d.perFour(n), y, x, alpha, n)
}
