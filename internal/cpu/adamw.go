package cpu

import (
	"math"

	"hdmnet/internal/op"
)

// AdamW updates p, m and v, element by element, in PyTorch's order of operations.
func (d *Device) AdamW(p, m, v, g op.Tensor, h op.AdamWParams) {
	op.SameSize("AdamW", p, m, v, g)
	pv, mv, vv, gv := f32(p), f32(m), f32(v), f32(g)
	decay := 1 - h.LR*h.WeightDecay
	step := float32(float64(h.LR) / (1 - math.Pow(float64(h.Beta1), float64(h.Step))))
	root := float32(math.Sqrt(1 - math.Pow(float64(h.Beta2), float64(h.Step))))
	b1, b2 := 1-h.Beta1, 1-h.Beta2
	parallelFor(len(pv), elementGrain, func(lo, hi int) {
		p, g, m, v := pv[lo:hi], gv[lo:hi], mv[lo:hi], vv[lo:hi]
		if loops, n := loopsFor(len(p)); loops.adamW != nil {
			loops.adamW(&p[0], &m[0], &v[0], &g[0], n, b1, h.Beta2, b2, decay, step, root, h.Eps)
			p, g, m, v = p[n:], g[n:], m[n:], v[n:]
		}
		g, m, v = g[:len(p)], m[:len(p)], v[:len(p)]
		for i := range p {
			m[i] += b1 * (g[i] - m[i])
			v[i] = h.Beta2*v[i] + b2*g[i]*g[i]
			p[i] = p[i]*decay - step*m[i]/(float32(math.Sqrt(float64(v[i])))/root+h.Eps)
		}
	})
}
