package optest

import (
	"fmt"

	"hdmnet/internal/op"
)

// linear is the definition, x [n,ci] times w [co,ci] transposed.
func linear(ci, co int, x, w, bias []float64) []float64 {
	y := make([]float64, len(x)/ci*co)
	for i := range y {
		y[i] = dot(x[i/co*ci:(i/co+1)*ci], w[i%co*ci:])
		if bias != nil {
			y[i] += bias[i%co]
		}
	}
	return y
}

func testLinear(s *suite) {
	for _, c := range []struct {
		shape []int
		co    int
	}{
		{[]int{1, 1}, 1}, {[]int{5, 3}, 2}, {[]int{2, 7, 64}, 66}, {[]int{1, 3, 5, 66}, 5}, {[]int{2, 257}, 3}, {[]int{2, 150, 5}, 64},
		{[]int{1, 7, 1}, 257}, {[]int{3, 13, 11, 16}, 33},
	} {
		what := fmt.Sprint(c)
		ci := c.shape[len(c.shape)-1]
		out := append(append([]int{}, c.shape[:len(c.shape)-1]...), c.co)
		x, w, bias := random("lin x"+what, size(c.shape), 1), random("lin w"+what, c.co*ci, 1), random("lin b"+what, c.co, 1)
		dy := random("lin dy"+what, size(out), 1)
		tx, tw, tdy := s.tensor(x, c.shape...), s.tensor(w, c.co, ci), s.tensor(dy, out...)
		for _, b := range [][]float64{nil, bias} {
			var tb op.Tensor
			if b != nil {
				tb = s.tensor(b, c.co)
			}
			y := s.output(out...)
			s.dev.Linear(y, tx, tw, tb)
			s.near(fmt.Sprintf("%s bias %t", what, b != nil), y, linear(ci, c.co, x, w, b))
		}
		dx, dw, db := s.gradient(c.shape...), s.gradient(c.co, ci), s.gradient(c.co)
		s.dev.LinearGradInput(dx, tdy, tw)
		s.dev.LinearGradWeight(dw, db, tx, tdy)
		loss := func() float64 { return dot(dy, linear(ci, c.co, x, w, bias)) }
		s.finiteDifferences(what+": x", dx, x, loss)
		s.finiteDifferences(what+": w", dw, w, loss)
		s.finiteDifferences(what+": bias", db, bias, loss)
		dw2, db2 := s.gradient(c.co, ci), s.gradient(c.co)
		bothX, bothW, bothB := s.gradient(tx.Shape()...), s.gradient(tw.Shape()...), s.gradient(tw.Shape()[0])
		s.dev.LinearGrad(bothX, bothW, bothB, tdy, tx, tw)
		s.near(what+": dx of both", bothX, s.values(dx))
		s.near(what+": dw of both", bothW, s.values(dw))
		s.near(what+": db of both", bothB, s.values(db))
		s.dev.LinearGradWeight(dw2, nil, tx, tdy)
		s.dev.LinearGradWeight(nil, db2, tx, tdy)
		s.same(what+": dw alone", dw2, dw)
		s.same(what+": db alone", db2, db)
	}
}
