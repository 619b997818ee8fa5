//go:build cuda

package cuda

import "hdmnet/internal/op"

// ResizeNearest computes y[i,j] = x[⌊i·H/h⌋, ⌊j·W/w⌋]. The scales are rounded to float32,
// as PyTorch rounds them.
func (d *Device) ResizeNearest(y, x op.Tensor) {
	s := op.CheckResizeNearest(y, x)
	n, h, w, oh, ow, c := s.B, s.H, s.W, s.OutH, s.OutW, s.C
	four := quads(c, address(y), address(x))
	d.launch("resize_nearest", d.channelGrid(ow*c, oh, n, four), y, x,
		float32(h)/float32(oh), float32(w)/float32(ow), n, h, w, oh, c, ow*c, four)
}
