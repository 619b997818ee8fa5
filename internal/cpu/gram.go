package cpu

import (
	"fmt"
	"math"

	"hdmnet/internal/op"
)

// Gram implements op.Gram: XᵀX, whose diagonal holds the squared norms.
func (d *Device) Gram(g, x op.Tensor) {
	s := x.Shape()
	if len(s) != 3 && len(s) != 4 {
		panic(fmt.Sprintf("op: Gram: x has shape %v, want [B,N,C] or [B,H,W,C]", s))
	}
	batch, c := s[0], op.Last(x)
	op.Shape("Gram", "g", g, batch, c, c)
	n := op.Len(x) / (batch * c)
	norm := borrow(c)
	for b := range batch {
		out, in := sample(f32(g), b, batch), sample(f32(x), b, batch)
		gemm(true, false, c, c, n, in, c, in, c, false, out, c, epilogue{})
		for i := range norm {
			norm[i] = float32(math.Sqrt(float64(out[i*c+i])))
		}
		parallelFor(c, rowGrain(c), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				for j, nj := range norm {
					out[i*c+j] /= norm[i]*nj + cosineEps
				}
			}
		})
	}
	giveBack(norm)
}

// GramDistance implements op.Gram.
func (d *Device) GramDistance(dist, gq, gs op.Tensor) {
	s := gs.Shape()
	if len(s) != 4 || s[2] != s[3] {
		panic(fmt.Sprintf("op: GramDistance: gs has shape %v, want [B,K,C,C]", s))
	}
	batch, shots, c := s[0], s[1], s[2]
	op.Shape("GramDistance", "gq", gq, batch, c, c)
	op.Shape("GramDistance", "d", dist, batch, shots)
	out, all, query := f32(dist), f32(gs), f32(gq)
	parallelFor(batch*shots, 1, func(lo, hi int) {
		for u := lo; u < hi; u++ {
			a, b := sample(query, u/shots, batch), sample(all, u, batch*shots)
			sum := 0.0
			for i, x := range a {
				diff := float64(x - b[i])
				sum += diff * diff
			}
			out[u] = float32(math.Sqrt(sum) / float64(c))
		}
	})
}
