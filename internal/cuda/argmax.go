//go:build cuda

package cuda

import "hdmnet/internal/op"

// Argmax writes the index of every position's largest channel.
func (d *Device) Argmax(y, logits op.Tensor) {
	rows, c := op.CheckArgmax(y, logits)
	group := rowGroup(c)
	d.launch("argmax", rowGrid(rows, group, d.sms*32), y, logits, rows, c, group)
}
