package optest

import (
	"fmt"
	"math"
)

func testNormalize(s *suite) {
	mean, std := [3]float32{123.675, 116.28, 103.53}, [3]float32{58.395, 57.12, 57.375}
	for _, sh := range [][]int{{1, 1, 1, 3}, {1, 5, 7, 3}, {2, 3, 33, 31, 3}, {3, 61, 47, 3}, {1, 137, 160, 3}} {
		what := fmt.Sprint(sh)
		n := size(sh)
		x, want := random("gray"+what, n, 127.5), make([]float64, n)
		for i := range x {
			if x[i] += 127.5; i%5 == 0 {
				x[i] = math.Round(x[i]) // what a picture that was not resized holds
			}
			if i%7 == 0 {
				x[i] = float64(mean[i%3]) // and a picture's padding
			}
			x[i] = float64(float32(x[i]))
			want[i] = (x[i] - float64(mean[i%3])) / float64(std[i%3])
		}
		tx, y := s.tensor(x, sh...), s.output(sh...)
		s.dev.Normalize(y, tx, mean, std)
		s.near(what, y, want)
		s.dev.Normalize(tx, tx, mean, std)
		got, exact := s.values(tx), 0
		for i, v := range s.values(y) {
			gray := float32(x[i])
			if float32(v) != (gray-mean[i%3])*(1/std[i%3]) || got[i] != v {
				exact++
			}
			if i%7 == 0 && v != 0 {
				s.Fatalf("%s: the mean became %g at %d, want 0", what, v, i)
			}
		}
		if exact > 0 {
			s.Errorf("%s: %d of %d values have other bits than float32's, or change where y is x", what, exact, n)
		}
	}
}
