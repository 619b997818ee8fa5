package cpu

import "hdmnet/internal/op"

// Argmax writes the index of every position's largest channel.
func (d *Device) Argmax(y, logits op.Tensor) {
	rows, c := op.CheckArgmax(y, logits)
	argmaxing.run(rows, rowGrain(c), argmaxArgs{y.Uint8s(), f32(logits), c})
}

type argmaxArgs struct {
	y []uint8
	x []float32
	c int
}

var argmaxing = newLoop(func(a *argmaxArgs, lo, hi int) {
	for r := lo; r < hi; r++ {
		row := a.x[r*a.c : (r+1)*a.c]
		best := 0
		for k, v := range row {
			if v > row[best] {
				best = k
			}
		}
		a.y[r] = uint8(best)
	}
})
