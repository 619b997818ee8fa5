package optest

import "fmt"

// rotaryEmbedding is the definition.
func rotaryEmbedding(x, cos, sin []float64, b, n, heads, half, turned int) []float64 {
	y := append([]float64(nil), x...)
	for s := range b {
		for p := range turned {
			for h := range heads {
				at := ((s*n+n-turned+p)*heads + h) * 2 * half
				for i := range half {
					c, d := cos[p*half+i], sin[p*half+i]
					y[at+i] = x[at+i]*c - x[at+half+i]*d
					y[at+half+i] = x[at+half+i]*c + x[at+i]*d
				}
			}
		}
	}
	return y
}

func testRotaryEmbedding(s *suite) {
	for _, c := range []struct{ b, n, heads, half, turned int }{
		{1, 1, 1, 1, 1}, {1, 7, 3, 5, 2}, {2, 9, 2, 16, 9}, {3, 30, 6, 32, 25}, {2, 70, 1, 24, 69},
	} {
		what, channels := fmt.Sprint(c), c.heads*2*c.half
		x := random("rotary x"+what, c.b*c.n*channels, 2)
		cos, sin := random("rotary cos"+what, c.turned*c.half, 1), random("rotary sin"+what, c.turned*c.half, 1)
		tx := s.tensor(x, c.b, c.n, channels)
		s.dev.RotaryEmbedding(tx, s.tensor(cos, c.turned, c.half), s.tensor(sin, c.turned, c.half), c.heads)
		s.near(what, tx, rotaryEmbedding(x, cos, sin, c.b, c.n, c.heads, c.half, c.turned))
	}
}
