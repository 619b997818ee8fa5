package cpu

import (
	"fmt"
	"math"

	"hdmnet/internal/op"
)

// BatchNormFrozen computes y = x·scale + shift with the running statistics folded.
func (d *Device) BatchNormFrozen(y, x, w, b, mean, variance op.Tensor, eps float32) {
	c := checkBatchNorm("BatchNormFrozen", y, x, w, b, mean, variance)
	scale, shift := borrow(c), borrow(c)
	wv, bv, mv, vv := f32(w), f32(b), f32(mean), f32(variance)
	for i := range scale {
		s := float64(wv[i]) * rsqrt(vv[i], eps)
		scale[i] = float32(s)
		shift[i] = float32(float64(bv[i]) - float64(mv[i])*s)
	}
	scaleShift(f32(y), f32(x), scale, shift)
	giveBack(scale)
	giveBack(shift)
}

// BatchNormFrozenGrad adds the gradients with the statistics as constants.
func (d *Device) BatchNormFrozenGrad(dx, dw, db, dy, x, w, mean, variance op.Tensor, eps float32) {
	c := checkBatchNorm("BatchNormFrozenGrad", dy, x, w, db, mean, variance)
	op.SameSize("BatchNormFrozenGrad", dx, x)
	op.Shape("BatchNormFrozenGrad", "dw", dw, c)
	wv, mv, vv := f32(w), f32(mean), f32(variance)
	if dx != nil {
		scale := borrow(c)
		for i := range scale {
			scale[i] = float32(float64(wv[i]) * rsqrt(vv[i], eps))
		}
		dxv, gv := f32(dx), f32(dy)
		parallelFor(len(gv)/c, rowGrain(c), func(lo, hi int) {
			for r := lo; r < hi; r++ {
				dx, g := dxv[r*c:(r+1)*c], gv[r*c:(r+1)*c]
				scale, g := scale[:len(dx)], g[:len(dx)]
				for i := range dx {
					dx[i] += g[i] * scale[i]
				}
			}
		})
		giveBack(scale)
	}
	if dw != nil || db != nil {
		sums := batchNormSums(f32(dy), f32(x), mv)
		for i := range c {
			sums[i] *= float32(rsqrt(vv[i], eps))
		}
		addBatchNormParams(dw, db, sums)
		giveBack(sums)
	}
}

// BatchNormTrain normalises with the batch's own mean and variance, both summed in two
// passes: Σx, then Σ(x−μ)².
func (d *Device) BatchNormTrain(y, saveMean, saveRstd, runningMean, runningVar, x, w, b op.Tensor, eps, momentum float32) {
	c := checkBatchNorm("BatchNormTrain", y, x, w, b, runningMean, runningVar)
	op.Shape("BatchNormTrain", "saveMean", saveMean, c)
	op.Shape("BatchNormTrain", "saveRstd", saveRstd, c)
	xv, n := f32(x), op.Len(x)/c
	if n < 2 {
		panic(fmt.Sprintf("op: BatchNormTrain: x %v has one position per channel, which has no variance; use a batch of at least 2", x.Shape()))
	}
	mv, rv := f32(saveMean), f32(saveRstd)
	sums := sumChunks(n, rowGrain(c), c, func(lo, hi int, acc []float32) {
		for r := lo; r < hi; r++ {
			addRow(acc, xv[r*c:(r+1)*c])
		}
	})
	for i, s := range sums {
		mv[i] = s / float32(n)
	}
	giveBack(sums)
	sums = sumChunks(n, rowGrain(c), c, func(lo, hi int, acc []float32) {
		m := mv[:len(acc)]
		for r := lo; r < hi; r++ {
			x := xv[r*c:][:len(acc)]
			for i := range acc {
				v := x[i] - m[i]
				acc[i] += v * v
			}
		}
	})
	scale, shift := borrow(c), borrow(c)
	wv, bv, runMean, runVar := f32(w), f32(b), f32(runningMean), f32(runningVar)
	for i, s := range sums {
		r := rsqrt(s/float32(n), eps)
		rv[i] = float32(r)
		scale[i] = float32(float64(wv[i]) * r)
		shift[i] = float32(float64(bv[i]) - float64(mv[i])*float64(wv[i])*r)
		runMean[i] = (1-momentum)*runMean[i] + momentum*mv[i]
		runVar[i] = (1-momentum)*runVar[i] + momentum*s/float32(n-1)
	}
	giveBack(sums)
	scaleShift(f32(y), xv, scale, shift)
	giveBack(scale)
	giveBack(shift)
}

// BatchNormTrainGrad adds the gradients through the batch statistics too:
//
//	dx += w·rstd·(dy − mean(dy) − x̂·mean(dy·x̂))    dw += Σ dy·x̂    db += Σ dy
func (d *Device) BatchNormTrainGrad(dx, dw, db, dy, x, w, saveMean, saveRstd op.Tensor) {
	c := checkBatchNorm("BatchNormTrainGrad", dy, x, w, db, saveMean, saveRstd)
	op.SameSize("BatchNormTrainGrad", dx, x)
	op.Shape("BatchNormTrainGrad", "dw", dw, c)
	gv, xv, wv, mv, rv := f32(dy), f32(x), f32(w), f32(saveMean), f32(saveRstd)
	n := len(xv) / c
	sums := batchNormSums(gv, xv, mv)
	for i := range c {
		sums[i] *= rv[i]
	}
	addBatchNormParams(dw, db, sums)
	if dx != nil {
		// dx += a·dy + p·x + q, the formula above sorted by what varies with position.
		a, p, q := borrow(c), borrow(c), borrow(c)
		for i := range c {
			s := float64(wv[i]) * float64(rv[i])
			slope := -s * float64(sums[i]) / float64(n) * float64(rv[i])
			a[i], p[i] = float32(s), float32(slope)
			q[i] = float32(-s*float64(sums[c+i])/float64(n) - slope*float64(mv[i]))
		}
		dxv := f32(dx)
		parallelFor(n, rowGrain(c), func(lo, hi int) {
			for r := lo; r < hi; r++ {
				dx, g, x := dxv[r*c:(r+1)*c], gv[r*c:(r+1)*c], xv[r*c:(r+1)*c]
				g, x, a, p, q := g[:len(dx)], x[:len(dx)], a[:len(dx)], p[:len(dx)], q[:len(dx)]
				for i := range dx {
					dx[i] += a[i]*g[i] + (p[i]*x[i] + q[i])
				}
			}
		})
		giveBack(a)
		giveBack(p)
		giveBack(q)
	}
	giveBack(sums)
}

// batchNormSums returns Σ dy·(x−mean), then Σ dy, of every channel.
func batchNormSums(gv, xv, mean []float32) []float32 {
	c := len(mean)
	return sumChunks(len(gv)/c, rowGrain(c), 2*c, func(lo, hi int, acc []float32) {
		dot, sum := acc[:c], acc[c:]
		for r := lo; r < hi; r++ {
			g, x, m := gv[r*c:][:len(dot)], xv[r*c:][:len(dot)], mean[:len(dot)]
			sum := sum[:len(dot)]
			for i := range dot {
				dot[i] += g[i] * (x[i] - m[i])
				sum[i] += g[i]
			}
		}
	})
}

// addBatchNormParams adds sums = (Σ dy·x̂, Σ dy) to dw and db.
func addBatchNormParams(dw, db op.Tensor, sums []float32) {
	c := len(sums) / 2
	if dw != nil {
		addRow(f32(dw), sums[:c])
	}
	if db != nil {
		addRow(f32(db), sums[c:])
	}
}

// scaleShift computes y = x·scale + shift, one scale and shift per channel.
func scaleShift(yv, xv, scale, shift []float32) {
	c := len(scale)
	parallelFor(len(xv)/c, rowGrain(c), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			x, y := xv[r*c:(r+1)*c], yv[r*c:(r+1)*c]
			x, scale, shift := x[:len(y)], scale[:len(y)], shift[:len(y)]
			for i := range y {
				y[i] = x[i]*scale[i] + shift[i]
			}
		}
	})
}

// rsqrt is 1/√(v+eps) in float64.
func rsqrt(v, eps float32) float64 { return 1 / math.Sqrt(float64(v)+float64(eps)) }

// checkBatchNorm returns C and panics unless y is as large as x and the rest is [C].
func checkBatchNorm(operator string, y, x, w, b, mean, variance op.Tensor) int {
	op.SameSize(operator, y, x)
	c := op.Last(x)
	op.Shape(operator, "w", w, c)
	op.Shape(operator, "b", b, c)
	op.Shape(operator, "mean", mean, c)
	op.Shape(operator, "variance", variance, c)
	return c
}
