package optest

import (
	"fmt"
	"math"

	"hdmnet/internal/golden"
)

// nearestSource is the definition of one axis, the scale and the product in float32.
func nearestSource(i, in, out int) int {
	scale := float32(float64(in) / float64(out))
	return min(int(math.Floor(float64(float32(float64(scale)*float64(i))))), in-1)
}

func testResizeNearest(s *suite) {
	for _, sh := range [][6]int{
		{1, 1, 1, 1, 3, 2}, {2, 5, 4, 2, 1, 1}, {1, 473, 321, 1, 60, 41}, {1, 13, 11, 3, 97, 29}, {2, 6, 5, 66, 6, 5}, {1, 2, 3, 257, 5, 7},
	} {
		what := fmt.Sprint(sh)
		b, h, w, c, oh, ow := sh[0], sh[1], sh[2], sh[3], sh[4], sh[5]
		x := random("rn"+what, b*h*w*c, 1)
		var want []float64
		for n := range b {
			for i := range oh {
				for j := range ow {
					at := ((n*h+nearestSource(i, h, oh))*w + nearestSource(j, w, ow)) * c
					want = append(want, x[at:at+c]...)
				}
			}
		}
		y := s.output(b, oh, ow, c)
		s.dev.ResizeNearest(y, s.tensor(x, b, h, w, c))
		s.near(what, y, want)
	}
	f := golden.Load(s.T, "ops.safetensors")
	x, shape := goldenMap(f, "nearest_97to13.in.x")
	want, outShape := goldenMap(f, "nearest_97to13.out.y")
	y := s.output(outShape...)
	s.dev.ResizeNearest(y, s.tensor(x, shape...))
	s.near("golden", y, want)
}
