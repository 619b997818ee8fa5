//go:build cuda

package cuda

import "hdmnet/internal/op"

// Foreground computes y = 1 where label is 1, else 0.
func (d *Device) Foreground(y, label op.Tensor) {
	op.SameSize("Foreground", y, label)
	n := op.Len(y)
	d.launch("foreground", d.perFour(n), y, label, n)
}

// MaskImage computes y = x·mask, the mask shared by the channels.
func (d *Device) MaskImage(y, x, mask op.Tensor) {
	op.SameSize("MaskImage", y, x)
	rows, c := matrixRows(x)
	checkRows("MaskImage", mask, rows)
	four := quads(c, address(y), address(x))
	d.launch("mask_image", d.channelGrid(c, rows, 1, four), y, x, mask, rows, c, four)
}
