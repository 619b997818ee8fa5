//go:build cuda

package cuda

import "hdmnet/internal/op"

// Foreground computes y = 1 where label is 1, else 0.
func (d *Device) Foreground(y, label op.Tensor) {
	n := op.CheckForeground(y, label)
	d.launch("foreground", d.perFour(n), y, label, n)
}

// Background computes y = 1 where label is 0, else 0.
func (d *Device) Background(y, label op.Tensor) {
	n := op.CheckBackground(y, label)
	d.launch("background", d.perFour(n), y, label, n)
}

// MaskImage computes y = x·mask, the mask shared by the channels.
func (d *Device) MaskImage(y, x, mask op.Tensor) {
	rows, c := op.CheckMaskImage(y, x, mask)
	four := quads(c, address(y), address(x))
	d.launch("mask_image", d.channelGrid(c, rows, 1, four), y, x, mask, rows, c, four)
}
