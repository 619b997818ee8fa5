package cpu

import (
	"math"

	"hdmnet/internal/op"
)

// gramColumns is how many columns of a Gram matrix are computed at a time: what lies
// above them is known from the columns before.
const gramColumns = 128

// Gram implements op.Gram: XᵀX, whose diagonal holds the squared norms.
func (d *Device) Gram(g, x op.Tensor) {
	batch, n, c := op.CheckGram(g, x)
	norm := takeScratch(c)
	for b := range batch {
		out, in := sample(f32(g), b, batch), sample(f32(x), b, batch)
		for j := 0; j < c; j += gramColumns {
			gemm(d.fine(), true, false, c-j, min(gramColumns, c-j), n, in[j:], c, in[j:], c, false, out[j*c+j:], c, epilogue{})
		}
		for i := range norm {
			norm[i] = float32(math.Sqrt(float64(out[i*c+i])))
		}
		gramCosines.run(c, rowGrain(c), gramArgs{out, norm})
	}
	freeScratch(norm)
}

type gramArgs struct{ g, norm []float32 }

// gramCosines divides the lower triangle by the norms and copies it to the upper one.
var gramCosines = newLoop(func(a *gramArgs, lo, hi int) {
	c := len(a.norm)
	for i := lo; i < hi; i++ {
		row := a.g[i*c : i*c+i+1]
		cosines(row, a.norm, a.norm[i])
		for j, v := range row {
			a.g[j*c+i] = v
		}
	}
})

// GramDistance implements op.Gram.
func (d *Device) GramDistance(dist, gq, gs op.Tensor) {
	batch, shots, c := op.CheckGramDistance(dist, gq, gs)
	gramDistances.run(batch*shots, 1, distanceArgs{f32(dist), f32(gq), f32(gs), batch, shots, c})
}

type distanceArgs struct {
	dist, gq, gs    []float32
	batch, shots, c int
}

var gramDistances = newLoop(func(d *distanceArgs, lo, hi int) {
	for u := lo; u < hi; u++ {
		a, b := sample(d.gq, u/d.shots, d.batch), sample(d.gs, u, d.batch*d.shots)
		sum := 0.0
		for i, x := range a {
			diff := float64(x - b[i])
			sum += diff * diff
		}
		d.dist[u] = float32(math.Sqrt(sum) / float64(d.c))
	}
})
