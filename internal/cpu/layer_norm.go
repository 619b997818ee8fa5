package cpu

import (
	"math"

	"hdmnet/internal/op"
)

// LayerNorm normalizes every row of x [..., C] and keeps its mean and 1/√(var+eps).
func (d *Device) LayerNorm(y, mean, rstd, x, w, b op.Tensor, eps float32) {
	rows, c := op.CheckLayerNorm(y, mean, rstd, x, w, b, d.readsHalves())
	a := layerNormArgs{y: f32(y), x: f32(x), w: f32(w), b: f32(b), mean: f32(mean), rstd: f32(rstd), c: c, eps: eps}
	if op.IsHalf(y) {
		halfLayerNorms.run(rows, rowGrain(c), a)
		return
	}
	layerNorms.run(rows, rowGrain(c), a)
}

type layerNormArgs struct {
	y, x, w, b, mean, rstd []float32
	dx, dy                 []float32
	c                      int
	eps                    float32
}

var (
	layerNorms = newLoop(func(a *layerNormArgs, lo, hi int) { a.rows(a.y[lo*a.c:hi*a.c], lo, hi) })
	// Of halves a few rows at a time are float32, in the first-level cache.
	halfLayerNorms = newLoop(func(a *layerNormArgs, lo, hi int) {
		const block = 8
		isa, c := isaOf(op.BF16), a.c
		y := takeScratch(block * c)
		defer freeScratch(y)
		for ; lo < hi; lo += block {
			n := min(block, hi-lo)
			a.rows(y, lo, lo+n)
			isa.pairRows(rounded.a, a.y[lo*c/2:], c/2, y, c, n, c)
		}
	})
	layerNormGrads = newChunkSums(func(a *layerNormArgs, lo, hi int, acc []float32) {
		c := a.c
		accW, accB := acc[:c], acc[c:2*c]
		if f := rowLoops(c).layerNormGrad; f != nil {
			var to []float32
			if a.dx != nil {
				to = a.dx[lo*c : hi*c]
			} else { // nobody reads it; the sums keep their order
				to = takeScratch((hi - lo) * c)
				defer freeScratch(to)
			}
			f(&to[0], &accW[0], &accB[0], &a.dy[lo*c], &a.x[lo*c], &a.w[0], &a.mean[lo], &a.rstd[lo], c, hi-lo, 1/float32(c))
			return
		}
		for r := lo; r < hi; r++ {
			x, g := a.x[r*c:(r+1)*c], a.dy[r*c:(r+1)*c]
			m, s := a.mean[r], a.rstd[r]
			if a.dx == nil {
				layerNormParamRow(accW, accB, g, x, m, s)
				continue
			}
			layerNormGradRow(a.dx[r*c:(r+1)*c], accW, accB, g, x, a.w, m, s)
		}
	})
)

// rows computes y [hi−lo,C] of rows lo to hi, their means and their 1/√(var+eps).
func (a *layerNormArgs) rows(y []float32, lo, hi int) {
	c := a.c
	if f := rowLoops(c).layerNorm; f != nil {
		f(&y[0], &a.mean[lo], &a.rstd[lo], &a.x[lo*c], &a.w[0], &a.b[0], c, hi-lo, 1/float32(c), a.eps)
		return
	}
	for r := lo; r < hi; r++ {
		x, y := a.x[r*c:(r+1)*c], y[(r-lo)*c:]
		m := rowSum(x) / float32(c)
		v := rowSquares(x, m) / float32(c)
		s := float32(1 / math.Sqrt(float64(v+a.eps)))
		a.mean[r], a.rstd[r] = m, s
		w, b, y := a.w[:len(x)], a.b[:len(x)], y[:len(x)]
		for i, v := range x {
			y[i] = (v-m)*s*w[i] + b[i]
		}
	}
}

// LayerNormGrad adds the gradients. With g = dy·w and x̂ = (x−mean)·rstd:
//
//	dx += rstd·(g − mean_c(g) − x̂·mean_c(g·x̂))    dw += Σ dy·x̂    db += Σ dy
func (d *Device) LayerNormGrad(dx, dw, db, dy, x, w, mean, rstd op.Tensor) {
	rows, c := op.CheckLayerNormGrad(dx, dw, db, dy, x, w, mean, rstd)
	sums := layerNormGrads.run(rows, rowGrain(c), 2*c,
		layerNormArgs{dx: f32(dx), dy: f32(dy), x: f32(x), w: f32(w), mean: f32(mean), rstd: f32(rstd), c: c})
	if dw != nil {
		addRow(f32(dw), sums[:c])
	}
	if db != nil {
		addRow(f32(db), sums[c:])
	}
	freeScratchOf(sums)
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
