package optest

import (
	"fmt"
	"slices"
)

func testArgmax(s *suite) {
	for _, c := range [][4]int{{1, 1, 1, 1}, {2, 3, 5, 2}, {1, 7, 9, 61}, {1, 100, 70, 16}, {1, 2, 2, 255}} {
		x := random(fmt.Sprint(c), c[0]*c[1]*c[2]*c[3], 3)
		want := make([]uint8, len(x)/c[3])
		for r := range want {
			row := x[r*c[3] : (r+1)*c[3]]
			for k := range row { // many ties: the first one wins
				row[k] = float64(int(row[k]))
			}
			want[r] = uint8(slices.Index(row, slices.Max(row)))
		}
		y := s.arena.Uint8(c[0], c[1], c[2])
		s.dev.Argmax(y, s.tensor(x, c[0], c[1], c[2], c[3]))
		got := make([]uint8, len(want))
		s.dev.Download(got, y)
		if !slices.Equal(got, want) {
			s.Errorf("%v: got %v, want %v", c, got, want)
		}
	}
}
