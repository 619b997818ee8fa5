//go:build cuda

package cuda

import "hdmnet/internal/op"

// ReLU computes y = max(0, x).
func (d *Device) ReLU(y, x op.Tensor) {
	op.SameSize("ReLU", y, x)
	n := op.Len(y)
	d.launch("relu", d.perElement(n), y, x, n)
}

// ReLUGrad adds dy where y > 0 to dx.
func (d *Device) ReLUGrad(dx, dy, y op.Tensor) {
	op.SameSize("ReLUGrad", dx, dy, y)
	n := op.Len(y)
	d.launch("relu_grad", d.perElement(n), dx, dy, y, n)
}
