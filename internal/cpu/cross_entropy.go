package cpu

import (
	"fmt"

	"hdmnet/internal/op"
)

// CrossEntropy implements op.CrossEntropy. Chunks of pixels are summed in float64 and
// added in order.
func (d *Device) CrossEntropy(loss, logits, label op.Tensor) {
	c := checkCrossEntropy("CrossEntropy", loss, logits, label)
	x, y := f32(logits), label.Uint8s()
	grain := rowGrain(c)
	chunks := (len(y) + grain - 1) / grain
	sums := borrow(2 * chunks) // of every chunk: Σ −log p, labelled pixels
	parallelFor(len(y), grain, func(lo, hi int) {
		e := borrow(c)
		total, count := 0.0, 0
		for i := lo; i < hi; i++ {
			if y[i] == op.Ignore {
				continue
			}
			row := x[i*c : (i+1)*c]
			top := rowMax(row)
			total += float64(top - row[classOf(y[i], c)] + log32(expSum(e, row, top)))
			count++
		}
		giveBack(e)
		at := 2 * (lo / grain)
		sums[at], sums[at+1] = float32(total), float32(count)
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
		e := borrow(c)
		for i := lo; i < hi; i++ {
			if y[i] == op.Ignore {
				continue
			}
			row := x[i*c : (i+1)*c]
			sum := expSum(e, row, rowMax(row))
			g := dx[i*c : (i+1)*c]
			addScaledRow(g, e, scale/sum)
			g[classOf(y[i], c)] -= scale
		}
		giveBack(e)
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
