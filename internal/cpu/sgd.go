package cpu

import "hdmnet/internal/op"

// SGD updates p and m, element by element.
func (d *Device) SGD(p, m, g op.Tensor, h op.SGDParams) {
	op.SameSize("SGD", p, m, g)
	pv, mv, gv := f32(p), f32(m), f32(g)
	parallelFor(len(pv), elementGrain, func(lo, hi int) {
		p, m, g := pv[lo:hi], mv[lo:hi], gv[lo:hi]
		if loops, n := loopsFor(len(p)); loops.sgd != nil {
			loops.sgd(&p[0], &m[0], &g[0], n, h.LR, h.Momentum, h.WeightDecay)
			p, m, g = p[n:], m[n:], g[n:]
		}
		m, g = m[:len(p)], g[:len(p)]
		for i := range p {
			m[i] = h.Momentum*m[i] + g[i] + h.WeightDecay*p[i]
			p[i] -= h.LR * m[i]
		}
	})
}
