package optest

import "fmt"

func testAdd(s *suite) {
	for _, n := range []int{1, 3, 64, 257, 40001} {
		what := fmt.Sprint(n)
		a, b := random("add a"+what, n, 3), random("add b"+what, n, 3)
		ta, tb, y := s.tensor(a, n), s.tensor(b, n), s.output(n)
		s.dev.Add(y, ta, tb)
		want := make([]float64, n)
		for i := range want {
			want[i] = a[i] + b[i]
		}
		s.near(what, y, want)
		s.dev.Add(tb, ta, tb)
		s.near(what+" onto b", tb, want)
		s.dev.Add(ta, ta, s.tensor(b, n))
		s.near(what+" onto a", ta, want)
		for _, alpha := range []float64{1, -0.75, 0} {
			g := s.gradient(n)
			s.dev.AddScaled(g, s.tensor(a, n), float32(alpha))
			for i := range want {
				want[i] = gradStart + alpha*a[i]
			}
			s.near(fmt.Sprintf("%s scaled by %g", what, alpha), g, want)
		}
	}
}
