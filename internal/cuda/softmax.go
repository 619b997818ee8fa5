//go:build cuda

package cuda

import "hdmnet/internal/op"

// Softmax computes every row's exp(x − max x)/Σ.
func (d *Device) Softmax(y, x op.Tensor) {
	op.SameSize("Softmax", y, x)
	rows, c := matrixRows(x)
	group := rowGroup(c)
	d.launch("softmax", rowGrid(rows, group, d.sms*32), y, x, rows, c, group)
}

// SoftmaxGrad adds y·(dy − Σ dy·y) to dx.
func (d *Device) SoftmaxGrad(dx, dy, y op.Tensor) {
	op.SameSize("SoftmaxGrad", dx, dy, y)
	rows, c := matrixRows(y)
	group := rowGroup(c)
	d.launch("softmax_grad", rowGrid(rows, group, d.sms*32), dx, dy, y, rows, c, group)
}
