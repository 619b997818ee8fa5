package cpu

import "hdmnet/internal/op"

// Foreground computes y = 1 where label is 1, else 0.
func (d *Device) Foreground(y, label op.Tensor) {
	op.SameSize("Foreground", y, label)
	yv, lv := f32(y), label.Uint8s()
	parallelFor(len(yv), elementGrain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			yv[i] = 0
			if lv[i] == 1 {
				yv[i] = 1
			}
		}
	})
}

// MaskImage computes y = x·mask, the mask shared by the channels.
func (d *Device) MaskImage(y, x, mask op.Tensor) {
	op.SameSize("MaskImage", y, x)
	c := op.Last(x)
	checkRows("MaskImage", mask, op.Len(x)/c)
	yv, xv, mv := f32(y), f32(x), f32(mask)
	parallelFor(len(mv), rowGrain(c), func(lo, hi int) {
		for n := lo; n < hi; n++ {
			m := mv[n]
			y, x := yv[n*c:(n+1)*c], xv[n*c:(n+1)*c]
			for i, v := range x {
				y[i] = v * m
			}
		}
	})
}
