package cpu

import (
	"math"

	"hdmnet/internal/op"
)

// pivotPenalty is taken from the scores of positions that resemble the background more.
const pivotPenalty = 100

// Pivot implements op.Pivot.
func (d *Device) Pivot(y, weights, region, s, v, fg op.Tensor) {
	batch, n, c := op.CheckPivot(y, weights, region, s, v, fg)
	pivots.run(batch, 1, pivotArgs{y: f32(y), weights: f32(weights), region: f32(region), s: f32(s), v: f32(v), fg: f32(fg), batch: batch, n: n, c: c})
}

// PivotGrad implements op.Pivot. With c the cosine of q and fg and D = |q||fg| + 1e-7:
//
//	dt  = dy·(fg − q)
//	dq  = (1 − t)·dy + dt/2D·(fg − c·|fg|·q/|q|)
//	dfg += t·dy + dt/2D·(q − c·|q|·fg/|fg|)
//	dv_n += a_n·dq        ds_n += a_n·(dq·v_n − dq·q)
func (d *Device) PivotGrad(ds, dv, dfg, dy, weights, region, v, fg op.Tensor) {
	batch, n, c := op.CheckPivotGrad(ds, dv, dfg, dy, weights, region, v, fg)
	a := pivotArgs{y: f32(dy), weights: f32(weights), region: f32(region), v: f32(v), fg: f32(fg),
		ds: f32(ds), dv: f32(dv), dfg: f32(dfg), batch: batch, n: n, c: c}
	pivotGrads.run(batch, 1, a)
}

// pivotArgs are the operands of batch samples; y is dy in the gradient.
type pivotArgs struct {
	y, weights, region, s, v, fg []float32
	ds, dv, dfg                  []float32
	batch, n, c                  int
}

// alike returns t, the cosine of two vectors, their norms, and D.
func alike(q, fg []float32) (t, cosine, qNorm, fgNorm, denominator float32) {
	qNorm = float32(math.Sqrt(float64(rowSquares(q, 0))))
	fgNorm = float32(math.Sqrt(float64(rowSquares(fg, 0))))
	denominator = qNorm*fgNorm + cosineEps
	cosine = dotProduct(q, fg) / denominator
	return (1 + cosine) / 2, cosine, qNorm, fgNorm, denominator
}

var (
	pivots = newLoop(func(a *pivotArgs, lo, hi int) {
		for b := lo; b < hi; b++ {
			w, q, v, fg := sample(a.weights, b, a.batch), sample(a.region, b, a.batch), sample(a.v, b, a.batch), sample(a.fg, b, a.batch)
			copy(w, sample(a.s, b, a.batch))
			for i, s := range w {
				if s < 0 {
					w[i] = s - pivotPenalty
				}
			}
			top := rowMax(w)
			scaleRow(w, 1/expSum(w, w, top))
			clear(q)
			for i, weight := range w {
				if weight != 0 {
					addScaledRow(q, v[i*a.c:], weight)
				}
			}
			t, _, _, _, _ := alike(q, fg)
			mix(sample(a.y, b, a.batch), q, fg, t)
		}
	})
	pivotGrads = newLoop(func(a *pivotArgs, lo, hi int) {
		for b := lo; b < hi; b++ {
			w, q, v, fg, dy := sample(a.weights, b, a.batch), sample(a.region, b, a.batch), sample(a.v, b, a.batch), sample(a.fg, b, a.batch), sample(a.y, b, a.batch)
			t, cosine, qNorm, fgNorm, denominator := alike(q, fg)
			half := float32(0)
			if qNorm > 0 && fgNorm > 0 {
				half = (dotProduct(dy, fg) - dotProduct(dy, q)) / 2 / denominator
			}
			if a.dfg != nil {
				addPivotShare(sample(a.dfg, b, a.batch), dy, q, fg, t, half, cosine, qNorm, fgNorm)
			}
			dq := takeScratch(a.c)[:a.c]
			clear(dq)
			addPivotShare(dq, dy, fg, q, 1-t, half, cosine, fgNorm, qNorm)
			shift := dotProduct(dq, q)
			for i, weight := range w {
				if weight == 0 {
					continue
				}
				if a.ds != nil {
					a.ds[b*a.n+i] += weight * (dotProduct(dq, v[i*a.c:(i+1)*a.c]) - shift)
				}
				if a.dv != nil {
					addScaledRow(a.dv[(b*a.n+i)*a.c:][:a.c], dq, weight)
				}
			}
			freeScratch(dq)
		}
	})
)

// addPivotShare adds share·dy + half·(other − cosine·|other|·own/|own|) to the gradient of own.
func addPivotShare(grad, dy, other, own []float32, share, half, cosine, otherNorm, ownNorm float32) {
	addScaledRow(grad, dy, share)
	addScaledRow(grad, other, half)
	if half != 0 {
		addScaledRow(grad, own, -half*cosine*otherNorm/ownNorm)
	}
}
