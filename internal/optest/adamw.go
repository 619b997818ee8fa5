package optest

import (
	"fmt"
	"math"

	"hdmnet/internal/golden"
	"hdmnet/internal/op"
)

// adamW is the definition in float64.
func adamW(p, m, v, g []float64, h op.AdamWParams) {
	lr, b1, b2 := float64(h.LR), float64(h.Beta1), float64(h.Beta2)
	for i := range p {
		p[i] *= 1 - lr*float64(h.WeightDecay)
		m[i] = b1*m[i] + (1-b1)*g[i]
		v[i] = b2*v[i] + (1-b2)*g[i]*g[i]
		mHat := m[i] / (1 - math.Pow(b1, float64(h.Step)))
		root := math.Sqrt(v[i]) / math.Sqrt(1-math.Pow(b2, float64(h.Step)))
		p[i] -= lr * mHat / (root + float64(h.Eps))
	}
}

func testAdamW(s *suite) {
	for _, n := range []int{1, 15, 16, 33, 40000} {
		what := fmt.Sprintf("%d parameters", n)
		p, m, v := random(what, n, 1), make([]float64, n), make([]float64, n)
		tp, tm, tv := s.tensor(p, n), s.tensor(m, n), s.tensor(v, n)
		for step := 1; step <= 4; step++ {
			g := random(fmt.Sprint(what, step), n, math.Pow(10, float64(step-3)))
			g[0] = 0
			h := op.AdamWParams{LR: 1e-2 / float32(step), Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, Step: step}
			s.dev.AdamW(tp, tm, tv, s.tensor(g, n), h)
			adamW(p, m, v, g, h)
		}
		s.near(what, tp, p)
		s.near(what+": m", tm, m)
		s.near(what+": v", tv, v)
	}
	for _, ends := range [][]int{{16, 48, 100}, {1, 2, 7, 61}} { // the second: four neighbors of several rates
		what := fmt.Sprintf("rates up to %v", ends)
		n := ends[len(ends)-1]
		p, m, v, g := random(what, n, 1), random(what+"m", n, 1), make([]float64, n), random(what+"g", n, 1)
		h := op.AdamWParams{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.1, Step: 2}
		tp, tm, tv, lo := s.tensor(p, n), s.tensor(m, n), s.tensor(v, n), 0
		for i, end := range ends {
			h.LR = 1e-2 * float32(i+1)
			adamW(p[lo:end], m[lo:end], v[lo:end], g[lo:end], h)
			h.Rates = append(h.Rates, op.PartRate{End: end, LR: h.LR})
			lo = end
		}
		s.dev.AdamW(tp, tm, tv, s.tensor(g, n), h)
		s.near(what, tp, p)
		s.near(what+": m", tm, m)
		s.near(what+": v", tv, v)
	}
	f := golden.Load(s.T, "ops.safetensors")
	const name = "adamw_3steps"
	start, shape := f.Float32(name + ".in.p")
	p, m, v := s.tensor(widen(start), shape...), s.arena.Zeros(shape...), s.arena.Zeros(shape...)
	for step := 1; step <= 3; step++ {
		g, _ := f.Float32(fmt.Sprintf("%s.in.g%d", name, step))
		s.dev.AdamW(p, m, v, s.tensor(widen(g), shape...), op.AdamWParams{LR: 1e-2, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 1e-2, Step: step})
	}
	want, _ := f.Float32(name + ".out.p")
	s.near(name, p, widen(want))
}
