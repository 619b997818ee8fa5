package cpu

import (
	"fmt"
	"math"

	"hdmnet/internal/labelmap"
	"hdmnet/internal/op"
)

// productLimit leaves a product of sums room for one more factor, up to the number of
// classes: every exponential is at most 1.
const productLimit = 1e250

// CrossEntropy implements op.CrossEntropy. Chunks of pixels are summed in float64 and
// added in order.
func (d *Device) CrossEntropy(loss, logits, label op.Tensor) {
	_, c := op.CheckCrossEntropy(loss, logits, label)
	x, y := f32(logits), label.Uint8s()
	grain := rowGrain(c)
	chunks := (len(y) + grain - 1) / grain
	sums := takeScratch(2 * chunks) // of every chunk: Σ −log p, labeled pixels
	crossEntropies.run(len(y), grain, crossEntropyArgs{sums: sums, x: x, y: y, c: c, grain: grain})
	total, count := 0.0, 0.0
	for i := 0; i < len(sums); i += 2 {
		total += float64(sums[i])
		count += float64(sums[i+1])
	}
	freeScratch(sums)
	out := f32(loss)
	out[0], out[1] = 0, float32(count)
	if count > 0 {
		out[0] = float32(total / count)
	}
}

type crossEntropyArgs struct {
	sums, dx, x []float32
	y           []uint8
	c, grain    int
	scale       float32
}

// softmax returns e, Σ e and the largest logit of every row of pixels [lo,hi).
func (a *crossEntropyArgs) softmax(w *scratch, lo, hi int) (e, sum, top []float32) {
	e, sum, top = w.floats((hi-lo)*a.c), w.floats(hi-lo), w.floats(hi-lo)
	expRows(e, top, sum, a.x[lo*a.c:hi*a.c], a.c)
	return e, sum, top
}

var (
	crossEntropies = newLoop(func(a *crossEntropyArgs, lo, hi int) {
		var w scratch
		defer w.free()
		_, sum, top := a.softmax(&w, lo, hi)
		total, count := 0.0, 0
		product := 1.0 // of Σ exp so far: one logarithm does for many pixels
		for i := lo; i < hi; i++ {
			if a.y[i] == labelmap.Ignore {
				continue
			}
			total += float64(top[i-lo] - a.x[i*a.c+classOf(a.y[i], a.c)])
			product *= float64(sum[i-lo])
			if !(product < productLimit) {
				total += math.Log(product)
				product = 1
			}
			count++
		}
		at := 2 * (lo / a.grain)
		a.sums[at], a.sums[at+1] = float32(total+math.Log(product)), float32(count)
	})
	crossEntropyGrads = newLoop(func(a *crossEntropyArgs, lo, hi int) {
		var w scratch
		defer w.free()
		e, sum, _ := a.softmax(&w, lo, hi)
		for i := lo; i < hi; i++ {
			if a.y[i] == labelmap.Ignore {
				continue
			}
			g, e, share := a.dx[i*a.c:(i+1)*a.c], e[(i-lo)*a.c:][:a.c], a.scale/sum[i-lo]
			if a.c < loopLanes {
				for k, v := range e {
					g[k] += v * share
				}
			} else {
				addScaledRow(g, e, share)
			}
			g[classOf(a.y[i], a.c)] -= a.scale
		}
	})
)

// CrossEntropyGrad implements op.CrossEntropy.
func (d *Device) CrossEntropyGrad(dlogits, loss, logits, label op.Tensor, scale float32) {
	rows, c := op.CheckCrossEntropyGrad(dlogits, loss, logits, label)
	count := f32(loss)[1]
	if count == 0 || dlogits == nil {
		return
	}
	crossEntropyGrads.run(rows, rowGrain(c),
		crossEntropyArgs{dx: f32(dlogits), x: f32(logits), y: label.Uint8s(), c: c, scale: scale / count})
}

// classOf is the label as an index, checked.
func classOf(label uint8, classes int) int {
	if int(label) >= classes {
		panic(fmt.Sprintf("op: CrossEntropy: label %d of %d classes, want less or %d", label, classes, labelmap.Ignore))
	}
	return int(label)
}
