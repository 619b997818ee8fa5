package cpu

import (
	"math"

	"hdmnet/internal/op"
)

// BatchNormFrozen computes y = (x − mean)·scale + b, scale = w/√(variance+eps).
func (d *Device) BatchNormFrozen(y, x, w, b, mean, variance op.Tensor, eps float32) {
	_, c := op.CheckBatchNormFrozen(y, x, w, b, mean, variance)
	scale := takeScratch(c)
	wv, vv := f32(w), f32(variance)
	for i := range scale {
		scale[i] = float32(float64(wv[i]) * rsqrt(vv[i], eps))
	}
	normalize(f32(y), f32(x), f32(mean), scale, f32(b))
	freeScratch(scale)
}

// BatchNormFrozenGrad adds the gradients with the statistics as constants.
func (d *Device) BatchNormFrozenGrad(dx, dw, db, dy, x, w, mean, variance op.Tensor, eps float32) {
	rows, c := op.CheckBatchNormFrozenGrad(dx, dw, db, dy, x, w, mean, variance)
	wv, mv, vv := f32(w), f32(mean), f32(variance)
	if dx != nil {
		scale := takeScratch(c)
		for i := range scale {
			scale[i] = float32(float64(wv[i]) * rsqrt(vv[i], eps))
		}
		batchNormScaling.run(rows, rowGrain(c), batchNormArgs{y: f32(dx), g: f32(dy), scale: scale, c: c})
		freeScratch(scale)
	}
	if dw != nil || db != nil {
		sums := batchNormSums(f32(dy), f32(x), mv)
		for i := range c {
			sums[i] *= rsqrt(vv[i], eps)
		}
		addBatchNormParams(dw, db, sums)
		freeScratchOf(sums)
	}
}

// BatchNormTrain normalizes with the batch's own mean and variance, both summed in two
// passes: Σx, then Σ(x−μ)².
func (d *Device) BatchNormTrain(y, saveMean, saveRstd, runningMean, runningVar, x, w, b op.Tensor, eps, momentum float32) {
	n, c := op.CheckBatchNormTrain(y, saveMean, saveRstd, runningMean, runningVar, x, w, b)
	xv, mv, rv := f32(x), f32(saveMean), f32(saveRstd)
	sums := batchNormMeans.run(n, rowGrain(c), c, batchNormArgs{x: xv, c: c})
	for i, s := range sums {
		mv[i] = float32(s / float64(n))
	}
	freeScratchOf(sums)
	sums = batchNormSquares.run(n, rowGrain(c), c, batchNormArgs{x: xv, mean: mv, c: c})
	scale := takeScratch(c)
	wv, runMean, runVar := f32(w), f32(runningMean), f32(runningVar)
	for i, s := range sums {
		r := rsqrt(float32(s/float64(n)), eps)
		rv[i] = float32(r)
		scale[i] = float32(float64(wv[i]) * r)
		runMean[i] = (1-momentum)*runMean[i] + momentum*mv[i]
		runVar[i] = (1-momentum)*runVar[i] + momentum*float32(s/float64(n-1))
	}
	freeScratchOf(sums)
	normalize(f32(y), xv, mv, scale, f32(b))
	freeScratch(scale)
}

// BatchNormTrainGrad adds the gradients through the batch statistics too:
//
//	dx += w·rstd·(dy − mean(dy) − x̂·mean(dy·x̂))    dw += Σ dy·x̂    db += Σ dy
func (d *Device) BatchNormTrainGrad(dx, dw, db, dy, x, w, saveMean, saveRstd op.Tensor) {
	n, c := op.CheckBatchNormTrainGrad(dx, dw, db, dy, x, w, saveMean, saveRstd)
	gv, xv, wv, mv, rv := f32(dy), f32(x), f32(w), f32(saveMean), f32(saveRstd)
	sums := batchNormSums(gv, xv, mv)
	for i := range c {
		sums[i] *= float64(rv[i])
	}
	addBatchNormParams(dw, db, sums)
	if dx != nil {
		// dx += a·dy + p·(x − mean) + q, the formula above sorted by what varies with position.
		a, p, q := takeScratch(c), takeScratch(c), takeScratch(c)
		for i := range c {
			s := float64(wv[i]) * float64(rv[i])
			slope := -s * sums[i] / float64(n) * float64(rv[i])
			a[i], p[i] = float32(s), float32(slope)
			q[i] = float32(-s * sums[c+i] / float64(n))
		}
		batchNormGrads.run(n, rowGrain(c), batchNormArgs{y: f32(dx), g: gv, x: xv, mean: mv, scale: a, slope: p, shift: q, c: c})
		freeScratch(a)
		freeScratch(p)
		freeScratch(q)
	}
	freeScratchOf(sums)
}

// batchNormSums returns Σ dy·(x−mean), then Σ dy, of every channel. In float64: the
// gradient subtracts their means from dy, and what is left may nearly cancel.
func batchNormSums(gv, xv, mean []float32) []float64 {
	c := len(mean)
	return batchNormDots.run(len(gv)/c, rowGrain(c), 2*c, batchNormArgs{g: gv, x: xv, mean: mean, c: c})
}

// batchNormArgs are rows of c channels and what is one for all rows.
type batchNormArgs struct {
	y, g, x                   []float32
	mean, scale, slope, shift []float32 // [c]
	c                         int
}

var (
	batchNormValues = newLoop(func(a *batchNormArgs, lo, hi int) {
		normalizeRows(a.y[lo*a.c:hi*a.c], a.x[lo*a.c:hi*a.c], a.mean, a.scale, a.shift)
	})
	batchNormScaling = newLoop(func(a *batchNormArgs, lo, hi int) {
		addScaledRows(a.y[lo*a.c:hi*a.c], a.g[lo*a.c:hi*a.c], a.scale)
	})
	batchNormGrads = newLoop(func(a *batchNormArgs, lo, hi int) {
		addBatchNormGrad(a.y[lo*a.c:hi*a.c], a.g[lo*a.c:hi*a.c], a.x[lo*a.c:hi*a.c], a.mean, a.scale, a.slope, a.shift)
	})
	batchNormMeans = newChunkSums(func(a *batchNormArgs, lo, hi int, acc []float64) {
		addChannelSums(acc, a.x[lo*a.c:hi*a.c], a.c)
	})
	batchNormSquares = newChunkSums(func(a *batchNormArgs, lo, hi int, acc []float64) {
		addChannelSquares(acc, a.x[lo*a.c:hi*a.c], a.mean)
	})
	batchNormDots = newChunkSums(func(a *batchNormArgs, lo, hi int, acc []float64) {
		addChannelDots(acc[:a.c], acc[a.c:], a.g[lo*a.c:hi*a.c], a.x[lo*a.c:hi*a.c], a.mean)
	})
)

// addBatchNormParams adds sums = (Σ dy·x̂, Σ dy) to dw and db.
func addBatchNormParams(dw, db op.Tensor, sums []float64) {
	c := len(sums) / 2
	for part, t := range [2]op.Tensor{dw, db} {
		if t == nil {
			continue
		}
		to := f32(t)
		for i := range to {
			to[i] += float32(sums[part*c+i])
		}
	}
}

// normalize computes y = (x − mean)·scale + shift, per channel. The mean is taken off
// first: with a small variance x·scale is large beside the result.
func normalize(yv, xv, mean, scale, shift []float32) {
	c := len(scale)
	batchNormValues.run(len(xv)/c, rowGrain(c), batchNormArgs{y: yv, x: xv, mean: mean, scale: scale, shift: shift, c: c})
}

// rsqrt is 1/√(v+eps) in float64.
func rsqrt(v, eps float32) float64 { return 1 / math.Sqrt(float64(v)+float64(eps)) }
