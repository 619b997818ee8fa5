package optest

import "fmt"

func testShotMean(s *suite) {
	for _, sh := range [][]int{{1, 1, 1}, {2, 1, 3, 5}, {2, 5, 257}, {1, 5, 7, 9, 66}, {3, 2, 130, 130}} {
		what := fmt.Sprint(sh)
		b, k := sh[0], sh[1]
		n := size(sh[2:])
		out := append([]int{b}, sh[2:]...)
		x, dy := random("shots"+what, b*k*n, 1), random("shots dy"+what, b*n, 1)
		want, grad := make([]float64, b*n), make([]float64, b*k*n)
		for i, v := range x {
			at := i/(k*n)*n + i%n
			want[at] += v / float64(k)
			grad[i] = dy[at] / float64(k)
		}
		y, dx := s.output(out...), s.gradient(sh...)
		s.dev.ShotMean(y, s.tensor(x, sh...))
		s.near(what, y, want)
		s.dev.ShotMeanGrad(dx, s.tensor(dy, out...))
		s.nearGradient(what, dx, grad)
	}
}
