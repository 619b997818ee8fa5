package optest

import (
	"fmt"

	"hdmnet/internal/labelmap"
)

func testForeground(s *suite) {
	for _, n := range []int{1, 7, 257, 20003} {
		label, want, background := make([]uint8, n), make([]float64, n), make([]float64, n)
		for i := range label {
			label[i] = []uint8{1, 0, labelmap.Ignore, 2, 1, 254}[i*i%6]
			switch label[i] {
			case 0:
				background[i] = 1
			case 1:
				want[i] = 1
			}
		}
		y := s.output(n)
		s.dev.Foreground(y, s.labels(label, n))
		s.near(fmt.Sprint(n, " labels"), y, want)
		s.dev.Background(y, s.labels(label, n))
		s.near(fmt.Sprint(n, " labels: background"), y, background)
	}
	for _, sh := range [][4]int{{1, 1, 1, 1}, {2, 7, 5, 3}, {1, 3, 4, 66}, {3, 61, 47, 3}} {
		what := fmt.Sprint(sh)
		n, c := sh[0]*sh[1]*sh[2], sh[3]
		x, mask := random("mi"+what, n*c, 2), random("mi m"+what, n, 1)
		want := make([]float64, n*c)
		for i := range want {
			if mask[i/c] = max(0, mask[i/c]); i/c%3 == 1 {
				mask[i/c] = 1
			}
			want[i] = x[i] * mask[i/c]
		}
		tx, tm, y := s.tensor(x, sh[:]...), s.tensor(mask, sh[:3]...), s.output(sh[:]...)
		s.dev.MaskImage(y, tx, tm)
		s.near(what, y, want)
	}
}
