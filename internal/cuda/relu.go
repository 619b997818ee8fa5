//go:build cuda

package cuda

import "hdmnet/internal/op"

// ReLU computes y = max(0, x).
func (d *Device) ReLU(y, x op.Tensor) {
	n := op.CheckReLU(y, x)
	if op.IsHalf(x) {
		d.launch("relu_half", d.perElement(n/2), y, x, n)
		return
	}
	d.launch("relu", d.perElement(n), y, x, n)
}

// ReLUGrad adds dy where y > 0 to dx.
func (d *Device) ReLUGrad(dx, dy, y op.Tensor) {
	n := op.CheckReLUGrad(dx, dy, y)
	d.launch("relu_grad", d.perElement(n), dx, dy, y, n, !d.fresh(dx))
}
