package cpu

import "hdmnet/internal/op"

// Foreground computes y = 1 where label is 1, else 0.
func (d *Device) Foreground(y, label op.Tensor) {
	n := op.CheckForeground(y, label)
	foregrounds.run(n, elementGrain, labelArgs{f32(y), label.Uint8s()})
}

type labelArgs struct {
	y     []float32
	label []uint8
}

type maskImageArgs struct {
	y, x, mask []float32
	c          int
}

var (
	foregrounds = newLoop(func(a *labelArgs, lo, hi int) {
		for i := lo; i < hi; i++ {
			a.y[i] = 0
			if a.label[i] == 1 {
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
