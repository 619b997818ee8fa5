package optest

import (
	"fmt"

	"hdmnet/internal/op"
)

func testDepthwiseGELU(s *suite) {
	for _, sh := range [][4]int{{1, 1, 1, 1}, {2, 4, 1, 3}, {2, 7, 9, 64}, {1, 5, 6, 66}, {3, 25, 5, 17}} {
		for _, p := range []op.DropoutParams{{}, {P: 0.4, Seed: 11}} {
			what := fmt.Sprintf("%v P %g", sh, p.P)
			b, h, w, c := sh[0], sh[1], sh[2], sh[3]
			n := b * h * w * c
			x, weight, bias := random("dg x"+what, n, 1), random("dg w"+what, 9*c, 1), random("dg b"+what, c, 1)
			dy, mask := random("dg dy"+what, n, 1), dropMask(p, n)
			tx, tw := s.tensor(x, b, h, w, c), s.tensor(weight, 3, 3, c)
			y, before := s.output(b, h, w, c), s.output(b, h, w, c)
			s.dev.DepthwiseGELU(y, before, tx, tw, s.tensor(bias, c), p)
			value := func() []float64 { return times(gelu(depthwise3x3(h, w, c, x, weight, bias)), mask) }
			s.near(what, y, value())
			s.near(what+": before", before, depthwise3x3(h, w, c, x, weight, bias))
			alone := s.output(b, h, w, c)
			s.dev.DepthwiseGELU(alone, nil, tx, tw, s.tensor(bias, c), p)
			s.same(what+": y alone", alone, y)
			dx, dw, db := s.gradient(b, h, w, c), s.gradient(3, 3, c), s.gradient(c)
			s.dev.DepthwiseGELUGrad(dx, dw, db, s.output(b, h, w, c), s.tensor(dy, b, h, w, c), before, tx, tw, p)
			loss := func() float64 { return dot(dy, value()) }
			s.finiteDifferences(what+": x", dx, x, loss)
			s.finiteDifferences(what+": w", dw, weight, loss)
			s.finiteDifferences(what+": bias", db, bias, loss)
			dx2 := s.gradient(b, h, w, c)
			s.dev.DepthwiseGELUGrad(dx2, nil, nil, s.output(b, h, w, c), s.tensor(dy, b, h, w, c), before, tx, tw, p)
			s.same(what+": dx alone", dx2, dx)
		}
	}
}
