//go:build cuda

package cuda

import "hdmnet/internal/op"

// MaxPool computes the maximum of every window and where it is.
func (d *Device) MaxPool(y, argmax, x op.Tensor, p op.PoolParams) {
	s := op.CheckMaxPool(y, argmax, x, p)
	four := quads(s.C, address(y), address(x), address(argmax))
	kernel := "max_pool"
	if op.IsHalf(x) {
		kernel = "max_pool_half"
	}
	d.launch(kernel, d.channelGrid(s.C, s.B*s.OutH*s.OutW, 1, four), y, argmax, x,
		s.B, s.H, s.W, s.OutH, s.OutW, s.C, p.Kernel, p.Stride, p.Pad, four)
}

// MaxPoolGrad adds dy to dx at the winners.
func (d *Device) MaxPoolGrad(dx, dy, argmax op.Tensor) {
	s := op.CheckMaxPoolGrad(dx, dy, argmax)
	n := 2 * (s.H + s.W)
	readers := d.scratch(n)
	defer d.freeScratch(readers)
	d.zero(readers, int64(n)*4)
	d.launch("max_pool_readers", grid1(ceil(s.B*s.OutH*s.OutW, 8), 256), readers, argmax, s.B, s.H, s.W, s.OutH, s.OutW, s.C)
	four := quads(s.C, address(dx), address(dy), address(argmax))
	d.launch("max_pool_grad", d.channelGrid(s.C, s.B*s.H*s.W, 1, four), dx, dy, argmax, readers, s.B, s.H, s.W, s.OutH, s.OutW, s.C, four)
}
