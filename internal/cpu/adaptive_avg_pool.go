package cpu

import "hdmnet/internal/op"

// cell is the range of inputs that output i of n covers.
func cell(i, n, in int) (lo, hi int) { return i * in / n, ((i+1)*in + n - 1) / n }

// AdaptiveAvgPool averages x [B,H,W,C] over the cells of y [B,h,w,C]. One cell may be
// the whole map, so the work is split over cells and blocks of channels.
func (d *Device) AdaptiveAvgPool(y, x op.Tensor) {
	xs, ys := x.Shape(), y.Shape()
	op.Shape("AdaptiveAvgPool", "y", y, xs[0], -1, -1, xs[3])
	h, w, c, ho, wo := xs[1], xs[2], xs[3], ys[1], ys[2]
	xv, yv := f32(x), f32(y)
	const channels = 64
	blocks := (c + channels - 1) / channels
	parallelFor(xs[0]*ho*wo*blocks, 1, func(lo, hi int) {
		sum := borrow64(channels)
		for task := lo; task < hi; task++ {
			out, c0 := task/blocks, task%blocks*channels
			c1 := min(c, c0+channels)
			n, i, j := out/(ho*wo), out/wo%ho, out%wo
			y0, y1 := cell(i, ho, h)
			x0, x1 := cell(j, wo, w)
			acc := sum[:c1-c0]
			clear(acc)
			for yy := y0; yy < y1; yy++ {
				addChannelSums(acc, xv[((n*h+yy)*w+x0)*c+c0:][:(x1-x0-1)*c+len(acc)], c)
			}
			for k, v := range acc {
				yv[out*c+c0+k] = float32(v / float64((y1-y0)*(x1-x0)))
			}
		}
		giveBack64(sum)
	})
}

// AdaptiveAvgPoolGrad adds dy/|cell| to dx. Cells may overlap: a worker takes whole
// rows of dx and adds the cells that cover them in order.
func (d *Device) AdaptiveAvgPoolGrad(dx, dy op.Tensor) {
	xs, ys := dx.Shape(), dy.Shape()
	op.Shape("AdaptiveAvgPoolGrad", "dy", dy, xs[0], -1, -1, xs[3])
	h, w, c, ho, wo := xs[1], xs[2], xs[3], ys[1], ys[2]
	dxv, dyv := f32(dx), f32(dy)
	parallelFor(xs[0]*h, max(1, elementGrain/(w*c)), func(lo, hi int) {
		for row := lo; row < hi; row++ {
			n, yy := row/h, row%h
			for i := range ho {
				y0, y1 := cell(i, ho, h)
				if yy < y0 || yy >= y1 {
					continue
				}
				for j := range wo {
					x0, x1 := cell(j, wo, w)
					share := 1 / float32((y1-y0)*(x1-x0))
					g := dyv[((n*ho+i)*wo+j)*c:][:c]
					for xx := x0; xx < x1; xx++ {
						addScaledRow(dxv[(row*w+xx)*c:][:c], g, share)
					}
				}
			}
		}
	})
}
