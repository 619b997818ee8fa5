//go:build cuda

package cuda

import "hdmnet/internal/op"

// Softmax computes every row's exp(x − max x)/Σ.
func (d *Device) Softmax(y, x op.Tensor) {
	rows, c := op.CheckSoftmax(y, x)
	group := rowGroup(c)
	d.launch("softmax", rowGrid(rows, group, d.sms*32), y, x, rows, c, group)
}

// SoftmaxGrad adds y·(dy − Σ dy·y) to dx.
func (d *Device) SoftmaxGrad(dx, dy, y op.Tensor) {
	rows, c := op.CheckSoftmaxGrad(dx, dy, y)
	group := rowGroup(c)
	d.launch("softmax_grad", rowGrid(rows, group, d.sms*32), dx, dy, y, rows, c, group)
}
