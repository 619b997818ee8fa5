package cpu

import (
	"fmt"

	"hdmnet/internal/op"
)

// Argmax writes the index of every position's largest channel.
func (d *Device) Argmax(y, logits op.Tensor) {
	c := op.Last(logits)
	if c > op.Ignore {
		panic(fmt.Sprintf("op: Argmax: %d channels, at most %d", c, op.Ignore))
	}
	rows := op.Len(logits) / c
	checkRows("Argmax", y, rows)
	in, out := f32(logits), y.Uint8s()
	parallelFor(rows, rowGrain(c), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			row := in[r*c : (r+1)*c]
			best := 0
			for k, v := range row {
				if v > row[best] {
					best = k
				}
			}
			out[r] = uint8(best)
		}
	})
}
