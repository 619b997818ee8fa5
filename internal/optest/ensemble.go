package optest

import "fmt"

// ensemble is the definition for n positions of each sample.
func ensemble(n int, meta, base, psi, gw, cw []float64) []float64 {
	y := make([]float64, len(meta))
	for i := range base {
		p := psi[i/n]
		y[2*i] = cw[0]*(gw[0]*meta[2*i]+gw[1]*p) + cw[1]*base[i]
		y[2*i+1] = gw[0]*meta[2*i+1] + gw[1]*p
	}
	return y
}

func testEnsemble(s *suite) {
	for _, sh := range [][3]int{{1, 1, 1}, {2, 3, 5}, {3, 60, 61}} {
		b, h, w := sh[0], sh[1], sh[2]
		what, n := fmt.Sprint(sh), h*w
		meta, base, psi := random("meta"+what, 2*b*n, 1), random("base"+what, b*n, 1), random("psi"+what, b, 1)
		gw, cw, dy := random("gw"+what, 2, 1), random("cw"+what, 2, 1), random("dy"+what, 2*b*n, 1)
		y := s.output(b, h, w, 2)
		tm, tb, tp, tg, tc := s.tensor(meta, b, h, w, 2), s.tensor(base, b, h, w), s.tensor(psi, b), s.tensor(gw, 2), s.tensor(cw, 2)
		s.dev.Ensemble(y, tm, tb, tp, tg, tc)
		s.near(what, y, ensemble(n, meta, base, psi, gw, cw))

		dm, dp, dg, dc := s.gradient(b, h, w, 2), s.gradient(b), s.gradient(2), s.gradient(2)
		tdy := s.tensor(dy, b, h, w, 2)
		s.dev.EnsembleGrad(dm, dp, dg, dc, tdy, tm, tb, tp, tg, tc)
		loss := func() float64 { return dot(ensemble(n, meta, base, psi, gw, cw), dy) }
		s.finiteDifferences(what+": meta", dm, meta, loss)
		s.finiteDifferences(what+": psi", dp, psi, loss)
		s.finiteDifferences(what+": gramMerge", dg, gw, loss)
		s.finiteDifferences(what+": clsMerge", dc, cw, loss)
		only := s.gradient(2)
		s.dev.EnsembleGrad(nil, nil, nil, only, tdy, tm, tb, tp, tg, tc)
		s.same(what+": dclsMerge alone", only, dc)
		only = s.gradient(b)
		s.dev.EnsembleGrad(nil, only, nil, nil, tdy, tm, tb, tp, tg, tc)
		s.same(what+": dpsi alone", only, dp)
	}
	s.baseForeground()
}

// baseForeground tests the sum of the base classes with and without the episode's own.
func (s *suite) baseForeground() {
	for _, sh := range [][4]int{{1, 1, 1, 1}, {3, 2, 5, 2}, {4, 3, 3, 16}, {2, 60, 61, 61}} {
		b, h, w, c := sh[0], sh[1], sh[2], sh[3]
		prob := random(fmt.Sprint("prob", sh), size(sh[:]), 1)
		except := make([]int32, b)
		for i := range except {
			except[i] = int32(i * 7 % c)
		}
		tp, te := s.tensor(prob, b, h, w, c), s.arena.Int32(b)
		s.dev.Upload(te, except)
		for _, without := range []bool{false, true} {
			want := make([]float64, b*h*w)
			for i := range want {
				for ch := 1; ch < c; ch++ {
					if !without || ch != int(except[i/(h*w)]) {
						want[i] += prob[i*c+ch]
					}
				}
			}
			y := s.output(b, h, w)
			if without {
				s.dev.BaseForeground(y, tp, te)
			} else {
				s.dev.BaseForeground(y, tp, nil)
			}
			s.near(fmt.Sprint("base foreground ", sh, " without own class: ", without), y, want)
		}
	}
}
