package cpu

import (
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
	p := op.CheckPriorSimilarity(y, q, s, mask)
	batch, shots, n, c := p.B, p.K, p.N, p.C
	var w scratch
	defer w.free()
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
	var w scratch
	defer w.free()
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
		supportGathering.run(m, rowGrain(c), priorArgs{x: support, to: rows, fg: fg, c: c})
		rowNorms(norms[:m], rows, c)
		gemm(d.precision, false, true, len(best), m, c, query, c, rows, c, false, dots, m, epilogue{})
		cosineMaxima.run(len(best), rowGrain(m), priorArgs{x: dots, to: best, norms: norms, qNorms: qNorm, c: m})
	}
}

// priorArgs are rows x of c elements, and what is made of them.
type priorArgs struct {
	x, to         []float32
	fg            []int32
	norms, qNorms []float32
	c             int
}

var (
	supportGathering = newLoop(func(a *priorArgs, lo, hi int) {
		gatherRows(a.to[lo*a.c:hi*a.c], a.x, a.c, a.fg[lo:hi], hi-lo, a.c)
	})
	cosineMaxima = newLoop(func(a *priorArgs, lo, hi int) {
		for i := lo; i < hi; i++ {
			row := a.x[i*a.c : (i+1)*a.c]
			cosines(row, a.norms, a.qNorms[i])
			a.to[i] = max(a.to[i], rowMax(row))
		}
	})
	normTaking = newLoop(func(a *priorArgs, lo, hi int) {
		for i := lo; i < hi; i++ {
			a.to[i] = float32(math.Sqrt(float64(rowSquares(a.x[i*a.c:(i+1)*a.c], 0))))
		}
	})
)

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
	normTaking.run(len(norms), rowGrain(c), priorArgs{x: x, to: norms, c: c})
}
