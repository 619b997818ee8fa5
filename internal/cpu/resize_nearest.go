package cpu

import "hdmnet/internal/op"

// ResizeNearest computes y[i,j] = x[⌊i·H/h⌋, ⌊j·W/w⌋].
func (d *Device) ResizeNearest(y, x op.Tensor) {
	s := op.CheckResizeNearest(y, x)
	nearestRows.run(s.B*s.OutH, rowGrain(s.OutW*s.C), resizeArgs{y: f32(y), x: f32(x), h: s.H, w: s.W, oh: s.OutH, ow: s.OutW, c: s.C})
}

var nearestRows = newLoop(func(a *resizeArgs, lo, hi int) {
	h, w, oh, ow, c := a.h, a.w, a.oh, a.ow, a.c
	for r := lo; r < hi; r++ {
		line := a.x[(r/oh*h+nearest(r%oh, h, oh))*w*c:][:w*c]
		out := a.y[r*ow*c : (r+1)*ow*c]
		for j := range ow {
			from := nearest(j, w, ow) * c
			copy(out[j*c:(j+1)*c], line[from:from+c])
		}
	}
})

// nearest is the source of output i. The scale is rounded to float32 as PyTorch rounds
// it: with the exact fraction some positions come out one lower.
func nearest(i, in, out int) int {
	scale := float32(in) / float32(out)
	return min(int(float32(i)*scale), in-1)
}
