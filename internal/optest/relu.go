package optest

import (
	"fmt"
	"math"
)

func testReLU(s *suite) {
	for _, n := range []int{1, 5, 66, 257, 40001} {
		what := fmt.Sprint(n)
		x, dy := random("relu"+what, n, 2), random("relu dy"+what, n, 2)
		x[n/2] = 0
		if n > 5 {
			x[1] = math.Copysign(0, -1)
		}
		want, grad := make([]float64, n), make([]float64, n)
		for i, v := range x {
			if v > 0 {
				want[i], grad[i] = v, dy[i]
			}
		}
		tx, y := s.tensor(x, n), s.output(n)
		s.dev.ReLU(y, tx)
		s.near(what, y, want)
		s.dev.ReLU(tx, tx)
		s.near(what+" in place", tx, want)
		dx := s.gradient(n)
		s.dev.ReLUGrad(dx, s.tensor(dy, n), y)
		s.nearGradient(what, dx, grad)
	}
	y := s.output(3)
	s.dev.ReLU(y, s.tensor([]float64{math.NaN(), math.Inf(1), math.Inf(-1)}, 3))
	if v := s.values(y); !math.IsNaN(v[0]) || !math.IsInf(v[1], 1) || v[2] != 0 {
		s.Errorf("ReLU of NaN, +Inf, −Inf is %v, want NaN, +Inf, 0", v)
	}
}
