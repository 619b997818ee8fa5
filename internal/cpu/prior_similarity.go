package cpu

import (
	"fmt"
	"math"

	"hdmnet/internal/op"
)

const (
	cosineEps    = 1e-7 // added to the product of two norms
	priorColumns = 512  // support positions that one matrix product compares
)

// PriorSimilarity implements op.PriorSimilarity. Only foreground positions enter the
// products; a masked-out position is the candidate 0. The products are made for some
// support positions at a time and reduced to a running maximum.
func (d *Device) PriorSimilarity(y, q, s, mask op.Tensor) {
	qs, ss := q.Shape(), s.Shape()
	if len(qs) != 4 || len(ss) != 5 || qs[0] != ss[0] || qs[3] != ss[4] {
		panic(fmt.Sprintf("op: PriorSimilarity: q %v, s %v", qs, ss))
	}
	op.Shape("PriorSimilarity", "y", y, qs[:3]...)
	op.Shape("PriorSimilarity", "mask", mask, ss[:4]...)
	batch, shots, c := qs[0], ss[1], qs[3]
	n := qs[1] * qs[2]
	var w lease
	defer w.end()
	qNorm, best := w.floats(n), w.floats(n)
	for b := range batch {
		out, query := sample(f32(y), b, batch), sample(f32(q), b, batch)
		rowNorms(qNorm, query, c)
		clear(out)
		for k := range shots {
			i := b*shots + k
			d.bestCosine(best, query, qNorm, sample(f32(s), i, batch*shots), sample(f32(mask), i, batch*shots), c)
			addScaledRow(out, best, 1/float32(shots))
		}
	}
}

// bestCosine writes for every query position the largest cosine with a support position
// of one shot.
func (d *Device) bestCosine(best, query, qNorm, support, mask []float32, c int) {
	var w lease
	defer w.end()
	fg := foregroundPositions(w.ints(len(mask)), mask)
	start := float32(0)
	if len(fg) == len(mask) {
		start = float32(math.Inf(-1))
	}
	for i := range best {
		best[i] = start
	}
	width := min(priorColumns, len(fg))
	rows, norms, dots := w.floats(width*c), w.floats(width), w.floats(len(best)*width)
	for ; len(fg) > 0; fg = fg[min(width, len(fg)):] {
		m := min(width, len(fg))
		parallelFor(m, rowGrain(c), func(lo, hi int) { gatherRows(rows[lo*c:hi*c], support, c, fg[lo:hi], hi-lo, c) })
		rowNorms(norms[:m], rows, c)
		if d.precision == op.BF16 {
			gemmBF16(len(best), m, c, query, rows[:m*c], dots[:len(best)*m], epilogue{})
		} else {
			gemm(false, true, len(best), m, c, query, c, rows, c, false, dots, m, epilogue{})
		}
		parallelFor(len(best), rowGrain(m), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				cosines(dots[i*m:(i+1)*m], norms, qNorm[i])
				best[i] = max(best[i], rowMax(dots[i*m:(i+1)*m]))
			}
		})
	}
}

// cosines turns dot products with rows of some norms into cosines.
func cosines(dots, norms []float32, norm float32) {
	norms = norms[:len(dots)]
	loops, n := loopsFor(len(dots))
	if loops.cosines != nil {
		loops.cosines(&dots[0], &norms[0], n, norm, cosineEps)
		dots, norms = dots[n:], norms[n:]
	}
	for j, dot := range dots {
		dots[j] = dot / (norm*norms[j] + cosineEps)
	}
}

// rowNorms writes the Euclidean norm of every row of c elements.
func rowNorms(norms, x []float32, c int) {
	parallelFor(len(norms), rowGrain(c), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			norms[i] = float32(math.Sqrt(float64(rowSquares(x[i*c:(i+1)*c], 0))))
		}
	})
}
