package optest

import (
	"fmt"

	"hdmnet/internal/golden"
	"hdmnet/internal/op"
)

func testSGD(s *suite) {
	h := op.SGDParams{LR: 0.1, Momentum: 0.9, WeightDecay: 1e-4}
	for _, n := range []int{1, 15, 16, 33, 40000} {
		what := fmt.Sprintf("%d parameters", n)
		p, m := random(what, n, 1), make([]float64, n)
		tp, tm := s.tensor(p, n), s.tensor(m, n)
		for step := range 4 {
			g := random(fmt.Sprint(what, step), n, 1)
			s.dev.SGD(tp, tm, s.tensor(g, n), h)
			for i := range p {
				m[i] = float64(h.Momentum)*m[i] + g[i] + float64(h.WeightDecay)*p[i]
				p[i] -= float64(h.LR) * m[i]
			}
		}
		s.near(what, tp, p)
		s.near(what+": m", tm, m)
	}
	f := golden.Load(s.T, "ops.safetensors")
	const name = "sgd_3steps"
	start, shape := f.Float32(name + ".in.p")
	p, m := s.tensor(widen(start), shape...), s.arena.Zeros(shape...)
	for step := 1; step <= 3; step++ {
		g, _ := f.Float32(fmt.Sprintf("%s.in.g%d", name, step))
		s.dev.SGD(p, m, s.tensor(widen(g), shape...), h)
	}
	want, _ := f.Float32(name + ".out.p")
	s.near(name, p, widen(want))
}
