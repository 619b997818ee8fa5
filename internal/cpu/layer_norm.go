package cpu

import (
	"math"

	"hdmnet/internal/op"
)

// LayerNorm normalises every row of x [..., C] and keeps its mean and 1/√(var+eps).
func (d *Device) LayerNorm(y, mean, rstd, x, w, b op.Tensor, eps float32) {
	op.SameSize("LayerNorm", y, x)
	c := op.Last(x)
	rows := op.Len(x) / c
	op.SameSize("LayerNorm", mean, rstd)
	op.Shape("LayerNorm", "w", w, c)
	op.Shape("LayerNorm", "b", b, c)
	checkRows("LayerNorm", mean, rows)
	yv, xv, wv, bv, mv, rv := f32(y), f32(x), f32(w), f32(b), f32(mean), f32(rstd)
	parallelFor(rows, rowGrain(c), func(lo, hi int) {
		if f := rowLoops(c).layerNorm; f != nil {
			f(&yv[lo*c], &mv[lo], &rv[lo], &xv[lo*c], &wv[0], &bv[0], c, hi-lo, 1/float32(c), eps)
			return
		}
		for r := lo; r < hi; r++ {
			x, y := xv[r*c:(r+1)*c], yv[r*c:(r+1)*c]
			m := rowSum(x) / float32(c)
			v := rowSquares(x, m) / float32(c)
			s := float32(1 / math.Sqrt(float64(v+eps)))
			mv[r], rv[r] = m, s
			w, b, y := wv[:len(x)], bv[:len(x)], y[:len(x)]
			for i, v := range x {
				y[i] = (v-m)*s*w[i] + b[i]
			}
		}
	})
}

// LayerNormGrad adds the gradients. With g = dy·w and x̂ = (x−mean)·rstd:
//
//	dx += rstd·(g − mean_c(g) − x̂·mean_c(g·x̂))    dw += Σ dy·x̂    db += Σ dy
func (d *Device) LayerNormGrad(dx, dw, db, dy, x, w, mean, rstd op.Tensor) {
	op.SameSize("LayerNormGrad", dx, dy, x)
	c := op.Last(x)
	rows := op.Len(x) / c
	op.Shape("LayerNormGrad", "w", w, c)
	op.Shape("LayerNormGrad", "dw", dw, c)
	op.Shape("LayerNormGrad", "db", db, c)
	op.SameSize("LayerNormGrad", mean, rstd)
	checkRows("LayerNormGrad", mean, rows)
	dxv, gv, xv, wv, mv, rv := f32(dx), f32(dy), f32(x), f32(w), f32(mean), f32(rstd)
	sums := sumChunks(rows, rowGrain(c), 2*c, func(lo, hi int, acc []float32) {
		accW, accB := acc[:c], acc[c:2*c]
		if f := rowLoops(c).layerNormGrad; f != nil {
			var to []float32
			if dxv != nil {
				to = dxv[lo*c : hi*c]
			} else { // nobody reads it; the sums keep their order
				to = borrow((hi - lo) * c)
				defer giveBack(to)
			}
			f(&to[0], &accW[0], &accB[0], &gv[lo*c], &xv[lo*c], &wv[0], &mv[lo], &rv[lo], c, hi-lo, 1/float32(c))
			return
		}
		for r := lo; r < hi; r++ {
			x, g := xv[r*c:(r+1)*c], gv[r*c:(r+1)*c]
			m, s := mv[r], rv[r]
			if dxv == nil {
				layerNormParamRow(accW, accB, g, x, m, s)
				continue
			}
			layerNormGradRow(dxv[r*c:(r+1)*c], accW, accB, g, x, wv, m, s)
		}
	})
	if dw != nil {
		addRow(f32(dw), sums[:c])
	}
	if db != nil {
		addRow(f32(db), sums[c:])
	}
	giveBack(sums)
}

// layerNormParamRow adds one row's share of dw and db.
func layerNormParamRow(accW, accB, g, x []float32, m, s float32) {
	x, accW, accB = x[:len(g)], accW[:len(g)], accB[:len(g)]
	for i, v := range g {
		accW[i] += v * ((x[i] - m) * s)
		accB[i] += v
	}
}

// layerNormGradRow adds one row's gradients.
func layerNormGradRow(dx, accW, accB, g, x, w []float32, m, s float32) {
	x, w, accW, accB, dx = x[:len(g)], w[:len(g)], accW[:len(g)], accB[:len(g)], dx[:len(g)]
	var sum, dot float32
	for i, v := range g {
		h := (x[i] - m) * s
		accW[i] += v * h
		accB[i] += v
		v *= w[i]
		sum += v
		dot += v * h
	}
	n := 1 / float32(len(g))
	sum *= n
	dot *= n
	for i, v := range g {
		h := (x[i] - m) * s
		dx[i] += s * (v*w[i] - sum - h*dot)
	}
}

// rowSum is Σ x in four interleaved sums: four additions in flight instead of one.
func rowSum(x []float32) float32 {
	var s0, s1, s2, s3 float32
	for len(x) >= 4 {
		s0 += x[0]
		s1 += x[1]
		s2 += x[2]
		s3 += x[3]
		x = x[4:]
	}
	for _, v := range x {
		s0 += v
	}
	return (s0 + s1) + (s2 + s3)
}

// rowSquares is Σ (x−m)².
func rowSquares(x []float32, m float32) float32 {
	var s0, s1, s2, s3 float32
	for len(x) >= 4 {
		a, b, c, d := x[0]-m, x[1]-m, x[2]-m, x[3]-m
		s0 += a * a
		s1 += b * b
		s2 += c * c
		s3 += d * d
		x = x[4:]
	}
	for _, v := range x {
		s0 += (v - m) * (v - m)
	}
	return (s0 + s1) + (s2 + s3)
}
