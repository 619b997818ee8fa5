package cpu

import "hdmnet/internal/op"

// Foreground computes y = 1 where label is 1, else 0.
func (d *Device) Foreground(y, label op.Tensor) {
	n := op.CheckForeground(y, label)
	labelsChosen.run(n, elementGrain, labelArgs{f32(y), label.Uint8s(), 1})
}

// Background computes y = 1 where label is 0, else 0.
func (d *Device) Background(y, label op.Tensor) {
	n := op.CheckBackground(y, label)
	labelsChosen.run(n, elementGrain, labelArgs{f32(y), label.Uint8s(), 0})
}

type labelArgs struct {
	y      []float32
	label  []uint8
	chosen uint8
}

type maskImageArgs struct {
	y, x, mask []float32
	c          int
}

var (
	labelsChosen = newLoop(func(a *labelArgs, lo, hi int) {
		for i := lo; i < hi; i++ {
			a.y[i] = 0
			if a.label[i] == a.chosen {
				a.y[i] = 1
			}
		}
	})
	imageMasking = newLoop(func(a *maskImageArgs, lo, hi int) {
		c := a.c
		for n := lo; n < hi; n++ {
			m := a.mask[n]
			y, x := a.y[n*c:(n+1)*c], a.x[n*c:(n+1)*c]
			for i, v := range x {
				y[i] = v * m
			}
		}
	})
)

// MaskImage computes y = x·mask, the mask shared by the channels.
func (d *Device) MaskImage(y, x, mask op.Tensor) {
	rows, c := op.CheckMaskImage(y, x, mask)
	imageMasking.run(rows, rowGrain(c), maskImageArgs{f32(y), f32(x), f32(mask), c})
}
