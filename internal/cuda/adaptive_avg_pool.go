//go:build cuda

package cuda

import "hdmnet/internal/op"

// AdaptiveAvgPool averages x [B,H,W,C] over the cells of y [B,h,w,C].
func (d *Device) AdaptiveAvgPool(y, x op.Tensor) {
	s := op.CheckAdaptiveAvgPool(y, x)
	grid := grid2(ceil(s.C, 32), min(s.B*s.OutH*s.OutW, 65535), 32)
	grid.block[1] = 8
	d.launch("adaptive_avg_pool", grid, y, x, s.B, s.H, s.W, s.OutH, s.OutW, s.C)
}

// AdaptiveAvgPoolGrad adds dy/|cell| to dx over every cell.
func (d *Device) AdaptiveAvgPoolGrad(dx, dy op.Tensor) {
	s := op.CheckAdaptiveAvgPoolGrad(dx, dy)
	four := quads(s.C, address(dx), address(dy))
	d.launch("adaptive_avg_pool_grad", d.channelGrid(s.C, s.B*s.H*s.W, 1, four), dx, dy, s.B, s.H, s.W, s.OutH, s.OutW, s.C, four)
}
