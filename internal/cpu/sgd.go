package cpu

import "hdmnet/internal/op"

// SGD updates p and m, element by element.
func (d *Device) SGD(p, m, g op.Tensor, h op.SGDParams) {
	n := op.CheckSGD(p, m, g)
	sgdSteps.run(n, elementGrain, sgdArgs{f32(p), f32(m), f32(g), h})
}

type sgdArgs struct {
	p, m, g []float32
	op.SGDParams
}

var sgdSteps = newLoop(func(a *sgdArgs, lo, hi int) {
	p, m, g := a.p[lo:hi], a.m[lo:hi], a.g[lo:hi]
	if loops, n := loopsFor(len(p)); loops.sgd != nil {
		loops.sgd(&p[0], &m[0], &g[0], n, a.LR, a.Momentum, a.WeightDecay)
		p, m, g = p[n:], m[n:], g[n:]
	}
	m, g = m[:len(p)], g[:len(p)]
	for i := range p {
		m[i] = a.Momentum*m[i] + g[i] + a.WeightDecay*p[i]
		p[i] -= a.LR * m[i]
	}
})
