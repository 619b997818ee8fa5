//go:build cuda

package cuda

import "hdmnet/internal/op"

// AdaptiveAvgPool averages x [B,H,W,C] over the cells of y [B,h,w,C].
func (d *Device) AdaptiveAvgPool(y, x op.Tensor) {
	xs, ys := x.Shape(), y.Shape()
	op.Shape("AdaptiveAvgPool", "y", y, xs[0], -1, -1, xs[3])
	c, cells := xs[3], ys[0]*ys[1]*ys[2]
	s := grid2(ceil(c, 32), min(cells, 65535), 32)
	s.block[1] = 8
	d.launch("adaptive_avg_pool", s, y, x, xs[0], xs[1], xs[2], ys[1], ys[2], c)
}

// AdaptiveAvgPoolGrad adds dy/|cell| to dx over every cell.
func (d *Device) AdaptiveAvgPoolGrad(dx, dy op.Tensor) {
	xs, ys := dx.Shape(), dy.Shape()
	op.Shape("AdaptiveAvgPoolGrad", "dy", dy, xs[0], -1, -1, xs[3])
	c := xs[3]
	four := quads(c, address(dx), address(dy))
	d.launch("adaptive_avg_pool_grad", d.channelGrid(c, xs[0]*xs[1]*xs[2], 1, four), dx, dy, xs[0], xs[1], xs[2], ys[1], ys[2], c, four)
}
