package optest

import (
	"fmt"
	"math"

	"hdmnet/internal/op"
)

func testDropout(s *suite) {
	for _, sh := range [][]int{{1, 1}, {2, 5, 3}, {1, 7, 9, 66}, {2, 150, 64}, {3, 2, 2, 257}} {
		for _, p := range []op.DropoutParams{{P: 0.1, Seed: 1}, {P: 0.5, Seed: 1 << 63, Channel: true}, {P: 0, Seed: 3}, {P: 0.999, Seed: 99}} {
			what := fmt.Sprintf("%v %+v", sh, p)
			n, c := size(sh), sh[len(sh)-1]
			x, dy := random("drop"+what, n, 2), random("drop dy"+what, n, 2)
			mask := make([]float64, n)
			for i := range mask {
				draw := i
				if p.Channel {
					draw = i/(n/sh[0])*c + i%c
				}
				if p.Keep(draw) {
					mask[i] = 1 / (1 - float64(p.P))
				}
			}
			want, grad := make([]float64, n), make([]float64, n)
			for i := range want {
				want[i], grad[i] = x[i]*mask[i], dy[i]*mask[i]
			}
			tx, y, dx := s.tensor(x, sh...), s.output(sh...), s.gradient(sh...)
			s.dev.Dropout(y, tx, p)
			s.near(what, y, want)
			s.dev.Dropout(tx, tx, p)
			s.near(what+" in place", tx, want)
			s.dev.DropoutGrad(dx, s.tensor(dy, sh...), p)
			s.nearGradient(what, dx, grad)
		}
	}

	// The share that is dropped, and that other seeds drop others.
	const n = 1 << 16
	drop := func(seed uint64) []float64 {
		y := s.output(n)
		s.dev.Dropout(y, s.tensor(repeat(1, n), n), op.DropoutParams{P: 0.1, Seed: seed})
		return s.values(y)
	}
	a, b := drop(5), drop(6)
	dropped, both := 0.0, 0.0
	for i := range a {
		if a[i] == 0 {
			dropped++
			if b[i] == 0 {
				both++
			}
		}
	}
	if math.Abs(dropped/n-0.1) > 0.01 || math.Abs(both/n-0.01) > 0.003 {
		s.Errorf("P = 0.1 dropped %.4f, two seeds both %.4f, want 0.1 and 0.01", dropped/n, both/n)
	}
}
