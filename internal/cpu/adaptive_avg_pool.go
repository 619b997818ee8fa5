package cpu

import "hdmnet/internal/op"

// cell is the range of inputs that output i of n covers.
func cell(i, n, in int) (lo, hi int) { return i * in / n, ((i+1)*in + n - 1) / n }

// AdaptiveAvgPool averages x [B,H,W,C] over the cells of y [B,h,w,C]. One cell may be
// the whole map, so the work is split over cells and blocks of channels.
func (d *Device) AdaptiveAvgPool(y, x op.Tensor) {
	s := op.CheckAdaptiveAvgPool(y, x)
	a := averageArgs{y: f32(y), x: f32(x), h: s.H, w: s.W, c: s.C, ho: s.OutH, wo: s.OutW}
	averaging.run(s.B*a.ho*a.wo*a.blocks(), 1, a)
}

// averageArgs are averages y [B,ho,wo,C] of x [B,h,w,C], or their gradients.
type averageArgs struct {
	y, x            []float32
	h, w, c, ho, wo int
}

// averageChannels is how many channels one task of averaging takes.
const averageChannels = 64

func (a *averageArgs) blocks() int { return (a.c + averageChannels - 1) / averageChannels }

var (
	averaging = newLoop(func(a *averageArgs, lo, hi int) {
		sum, c, blocks := takeScratchOf[float64](averageChannels), a.c, a.blocks()
		for task := lo; task < hi; task++ {
			out, c0 := task/blocks, task%blocks*averageChannels
			c1 := min(c, c0+averageChannels)
			n, i, j := out/(a.ho*a.wo), out/a.wo%a.ho, out%a.wo
			y0, y1 := cell(i, a.ho, a.h)
			x0, x1 := cell(j, a.wo, a.w)
			acc := sum[:c1-c0]
			clear(acc)
			for yy := y0; yy < y1; yy++ {
				addChannelSums(acc, a.x[((n*a.h+yy)*a.w+x0)*c+c0:][:(x1-x0-1)*c+len(acc)], c)
			}
			for k, v := range acc {
				a.y[out*c+c0+k] = float32(v / float64((y1-y0)*(x1-x0)))
			}
		}
		freeScratchOf(sum)
	})
	averagingGrad = newLoop(func(a *averageArgs, lo, hi int) {
		w, c := a.w, a.c
		for row := lo; row < hi; row++ {
			n, yy := row/a.h, row%a.h
			for i := range a.ho {
				y0, y1 := cell(i, a.ho, a.h)
				if yy < y0 || yy >= y1 {
					continue
				}
				for j := range a.wo {
					x0, x1 := cell(j, a.wo, w)
					share := 1 / float32((y1-y0)*(x1-x0))
					g := a.y[((n*a.ho+i)*a.wo+j)*c:][:c]
					for xx := x0; xx < x1; xx++ {
						addScaledRow(a.x[(row*w+xx)*c:][:c], g, share)
					}
				}
			}
		}
	})
)

// AdaptiveAvgPoolGrad adds dy/|cell| to dx. Cells may overlap: a worker takes whole
// rows of dx and adds the cells that cover them in order.
func (d *Device) AdaptiveAvgPoolGrad(dx, dy op.Tensor) {
	s := op.CheckAdaptiveAvgPoolGrad(dx, dy)
	a := averageArgs{y: f32(dy), x: f32(dx), h: s.H, w: s.W, c: s.C, ho: s.OutH, wo: s.OutW}
	averagingGrad.run(s.B*a.h, max(1, elementGrain/(a.w*a.c)), a)
}

// AdaptiveAvgPoolLevels averages over one grid after the other.
func (d *Device) AdaptiveAvgPoolLevels(y []op.Tensor, x op.Tensor) {
	op.CheckAdaptiveAvgPoolLevels(y, x)
	for _, t := range y {
		d.AdaptiveAvgPool(t, x)
	}
}
