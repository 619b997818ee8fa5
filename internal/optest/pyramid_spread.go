package optest

import (
	"fmt"

	"hdmnet/internal/op"
)

// pyramidSpread is the definition: resize every tap's map, shift it, add.
func pyramidSpread(b, h, w, co int, bins []int, q [][]float64) []float64 {
	y := make([]float64, b*h*w*co)
	for l, n := range bins {
		up := resizeBilinear(q[l], b, n, n, 9*co, h, w, true)
		for i := range y {
			o, col, row, at := i%co, i/co%w, i/(co*w)%h, i/(co*w*h)
			for tap := range 9 {
				r, c := row+tap/3-1, col+tap%3-1
				if r >= 0 && r < h && c >= 0 && c < w {
					y[i] += up[((at*h+r)*w+c)*9*co+tap*co+o]
				}
			}
		}
	}
	return y
}

func testPyramidSpread(s *suite) {
	for _, c := range []struct {
		b, h, w, co int
		bins        []int
	}{
		{1, 1, 1, 1, []int{1}},
		{1, 5, 4, 3, []int{2}},
		{2, 6, 6, 5, []int{1, 2, 3, 6}},
		{1, 13, 9, 32, []int{1, 2, 3, 6}},
		{2, 3, 2, 16, []int{6, 3}}, // maps larger than the result
	} {
		var q [][]float64
		var tq []op.Tensor
		for l, n := range c.bins {
			v := random(fmt.Sprintf("pyramid %+v %d", c, l), c.b*n*n*9*c.co, 1)
			q, tq = append(q, v), append(tq, s.tensor(v, c.b, n, n, 9*c.co))
		}
		y := s.output(c.b, c.h, c.w, c.co)
		s.dev.PyramidSpread(y, tq)
		s.near(fmt.Sprintf("%+v", c), y, pyramidSpread(c.b, c.h, c.w, c.co, c.bins, q))
	}
}
