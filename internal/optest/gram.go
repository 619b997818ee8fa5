package optest

import (
	"fmt"
	"math"

	"hdmnet/internal/golden"
)

// gram is the definition for b samples of n positions.
func gram(b, n, c int, x []float64) []float64 {
	g := make([]float64, b*c*c)
	for i := range b {
		columns := make([][]float64, c)
		for ch := range c {
			for p := range n {
				columns[ch] = append(columns[ch], x[(i*n+p)*c+ch])
			}
		}
		for r := range c {
			for s := range c {
				g[(i*c+r)*c+s] = dot(columns[r], columns[s]) / (norm(columns[r])*norm(columns[s]) + 1e-7)
			}
		}
	}
	return g
}

func testGram(s *suite) {
	for _, sh := range [][]int{{1, 1, 1}, {2, 3, 5}, {1, 700, 3}, {2, 3, 7, 66}, {1, 40, 257}} {
		what, b, c := fmt.Sprint(sh), sh[0], sh[len(sh)-1]
		n := size(sh) / (b * c)
		x := random("gram"+what, size(sh), 2)
		if c > 2 {
			for p := range b * n {
				x[p*c+1] = 0 // a channel without features
			}
		}
		g := s.output(b, c, c)
		s.dev.Gram(g, s.tensor(x, sh...))
		s.near(what, g, gram(b, n, c, x))
	}
	for _, sh := range [][3]int{{1, 1, 1}, {2, 1, 5}, {3, 5, 66}} {
		what, b, k, c := fmt.Sprint("distance ", sh), sh[0], sh[1], sh[2]
		gq, gs := random("gq"+what, b*c*c, 1), random("gs"+what, b*k*c*c, 1)
		want := make([]float64, b*k)
		for i := range want {
			for j := range c * c {
				diff := gq[i/k*c*c+j] - gs[i*c*c+j]
				want[i] += diff * diff
			}
			want[i] = math.Sqrt(want[i]) / float64(c)
		}
		d := s.output(b, k)
		s.dev.GramDistance(d, s.tensor(gq, b, c, c), s.tensor(gs, b, k, c, c))
		s.near(what, d, want)
	}
	f := golden.Load(s.T, "ops.safetensors")
	x, shape := f.Float32("gram.in.x")
	x, shape = golden.ToNHWC(x, shape)
	g := s.output(shape[0], shape[3], shape[3])
	s.dev.Gram(g, s.tensor(widen(x), shape...))
	want, _ := f.Float32("gram.out.y")
	s.near("golden gram", g, widen(want))
}
