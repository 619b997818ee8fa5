package optest

import (
	"fmt"
	"math"
)

// softmax is the definition for rows of c channels.
func softmax(x []float64, c int) []float64 {
	y := make([]float64, len(x))
	for r := 0; r < len(x); r += c {
		top, sum := math.Inf(-1), 0.0
		for _, v := range x[r : r+c] {
			top = max(top, v)
		}
		for i, v := range x[r : r+c] {
			y[r+i] = math.Exp(v - top)
			sum += y[r+i]
		}
		for i := range c {
			y[r+i] /= sum
		}
	}
	return y
}

func testSoftmax(s *suite) {
	for _, sh := range [][]int{{1, 1}, {1, 2}, {2, 7, 5, 2}, {1, 3, 3, 16}, {2, 50, 61}, {3, 257}, {130, 130, 2}} {
		for _, scale := range []float64{1, 100} {
			what := fmt.Sprintf("%v up to %g", sh, scale)
			n, c := size(sh), sh[len(sh)-1]
			x, dy := random("softmax"+what, n, scale), random("softmax dy"+what, n, 1)
			x[0] = 10 * scale // exp overflows unless the maximum is taken out
			tx, y := s.tensor(x, sh...), s.output(sh...)
			s.dev.Softmax(y, tx)
			s.near(what, y, softmax(x, c))
			dx := s.gradient(sh...)
			s.dev.SoftmaxGrad(dx, s.tensor(dy, sh...), y)
			s.finiteDifferences(what, dx, x, func() float64 { return dot(dy, softmax(x, c)) })
			s.dev.Softmax(tx, tx)
			s.same(what+" in place", tx, y)
		}
	}
}
