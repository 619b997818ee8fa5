package cpu

import (
	"math"

	"hdmnet/internal/op"
)

// AdamW updates p, m and v, element by element, in PyTorch's order of operations.
func (d *Device) AdamW(p, m, v, g op.Tensor, h op.AdamWParams) {
	lo := 0
	n := op.CheckAdamW(p, m, v, g, &h)
	for i := range h.Parts() {
		r := h.Part(i, n)
		adamWSteps.run(r.End-lo, elementGrain, adamWArgs{p: f32(p)[lo:r.End], m: f32(m)[lo:r.End], v: f32(v)[lo:r.End], g: f32(g)[lo:r.End],
			decay: 1 - r.LR*h.WeightDecay,
			step:  float32(float64(r.LR) / (1 - math.Pow(float64(h.Beta1), float64(h.Step)))),
			root:  float32(math.Sqrt(1 - math.Pow(float64(h.Beta2), float64(h.Step)))),
			b1:    1 - h.Beta1, beta2: h.Beta2, b2: 1 - h.Beta2, eps: h.Eps})
		lo = r.End
	}
}

type adamWArgs struct {
	p, m, v, g                            []float32
	decay, step, root, b1, beta2, b2, eps float32
}

var adamWSteps = newLoop(func(a *adamWArgs, lo, hi int) {
	p, g, m, v := a.p[lo:hi], a.g[lo:hi], a.m[lo:hi], a.v[lo:hi]
	if loops, n := loopsFor(len(p)); loops.adamW != nil {
		loops.adamW(&p[0], &m[0], &v[0], &g[0], n, a.b1, a.beta2, a.b2, a.decay, a.step, a.root, a.eps)
		p, g, m, v = p[n:], g[n:], m[n:], v[n:]
	}
	g, m, v = g[:len(p)], m[:len(p)], v[:len(p)]
	for i := range p {
		m[i] += a.b1 * (g[i] - m[i])
		v[i] = a.beta2*v[i] + a.b2*g[i]*g[i]
		p[i] = p[i]*a.decay - a.step*m[i]/(float32(math.Sqrt(float64(v[i])))/a.root+a.eps)
	}
})
