package cpu

import (
	"fmt"
	"math"

	"hdmnet/internal/op"
)

// gramColumns is how many columns of a Gram matrix are computed at a time: what lies
// above them is known from the columns before.
const gramColumns = 128

// Gram implements op.Gram: XᵀX, whose diagonal holds the squared norms.
func (d *Device) Gram(g, x op.Tensor) {
	s := x.Shape()
	if len(s) != 3 && len(s) != 4 {
		panic(fmt.Sprintf("op: Gram: x has shape %v, want [B,N,C] or [B,H,W,C]", s))
	}
	batch, c := s[0], op.Last(x)
	op.Shape("Gram", "g", g, batch, c, c)
	n := op.Len(x) / (batch * c)
	norm := takeScratch(c)
	for b := range batch {
		out, in := sample(f32(g), b, batch), sample(f32(x), b, batch)
		for j := 0; j < c; j += gramColumns {
			gemm(true, false, c-j, min(gramColumns, c-j), n, in[j:], c, in[j:], c, false, out[j*c+j:], c, epilogue{})
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
	s := gs.Shape()
	if len(s) != 4 || s[2] != s[3] {
		panic(fmt.Sprintf("op: GramDistance: gs has shape %v, want [B,K,C,C]", s))
	}
	batch, shots, c := s[0], s[1], s[2]
	op.Shape("GramDistance", "gq", gq, batch, c, c)
	op.Shape("GramDistance", "d", dist, batch, shots)
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
