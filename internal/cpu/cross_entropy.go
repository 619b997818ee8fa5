package cpu

import (
	"fmt"
	"math"

	"hdmnet/internal/op"
)

// productLimit leaves a product of sums room for one more factor, up to the number of
// classes: every exponential is at most 1.
const productLimit = 1e250

// CrossEntropy implements op.CrossEntropy. Chunks of pixels are summed in float64 and
// added in order.
func (d *Device) CrossEntropy(loss, logits, label op.Tensor) {
	c := checkCrossEntropy("CrossEntropy", loss, logits, label)
	x, y := f32(logits), label.Uint8s()
	grain := rowGrain(c)
	chunks := (len(y) + grain - 1) / grain
	sums := borrow(2 * chunks) // of every chunk: Σ −log p, labelled pixels
	parallelFor(len(y), grain, func(lo, hi int) {
		e, top, sum := borrow((hi-lo)*c), borrow(hi-lo), borrow(hi-lo)
		expRows(e, top, sum, x[lo*c:hi*c], c)
		total, count := 0.0, 0
		product := 1.0 // of Σ exp so far: one logarithm does for many pixels
		for i := lo; i < hi; i++ {
			if y[i] == op.Ignore {
				continue
			}
			total += float64(top[i-lo] - x[i*c+classOf(y[i], c)])
			product *= float64(sum[i-lo])
			if !(product < productLimit) {
				total += math.Log(product)
				product = 1
			}
			count++
		}
		giveBack(e)
		giveBack(top)
		giveBack(sum)
		at := 2 * (lo / grain)
		sums[at], sums[at+1] = float32(total+math.Log(product)), float32(count)
	})
	total, count := 0.0, 0.0
	for i := 0; i < len(sums); i += 2 {
		total += float64(sums[i])
		count += float64(sums[i+1])
	}
	giveBack(sums)
	out := f32(loss)
	out[0], out[1] = 0, float32(count)
	if count > 0 {
		out[0] = float32(total / count)
	}
}

// CrossEntropyGrad implements op.CrossEntropy.
func (d *Device) CrossEntropyGrad(dlogits, loss, logits, label op.Tensor, scale float32) {
	c := checkCrossEntropy("CrossEntropyGrad", loss, logits, label)
	op.SameSize("CrossEntropyGrad", dlogits, logits)
	count := f32(loss)[1]
	if count == 0 || dlogits == nil {
		return
	}
	dx, x, y := f32(dlogits), f32(logits), label.Uint8s()
	scale /= count
	parallelFor(len(y), rowGrain(c), func(lo, hi int) {
		e, top, sum := borrow((hi-lo)*c), borrow(hi-lo), borrow(hi-lo)
		expRows(e, top, sum, x[lo*c:hi*c], c)
		for i := lo; i < hi; i++ {
			if y[i] == op.Ignore {
				continue
			}
			g := dx[i*c : (i+1)*c]
			addScaledRow(g, e[(i-lo)*c:], scale/sum[i-lo])
			g[classOf(y[i], c)] -= scale
		}
		giveBack(e)
		giveBack(top)
		giveBack(sum)
	})
}

// classOf is the label as an index, checked.
func classOf(label uint8, classes int) int {
	if int(label) >= classes {
		panic(fmt.Sprintf("op: CrossEntropy: label %d of %d classes, want less or %d", label, classes, op.Ignore))
	}
	return int(label)
}

func checkCrossEntropy(operator string, loss, logits, label op.Tensor) (classes int) {
	s := logits.Shape()
	op.Shape(operator, "logits", logits, -1, -1, -1, -1)
	op.Shape(operator, "label", label, s[:3]...)
	op.Shape(operator, "loss", loss, 2)
	return s[3]
}
