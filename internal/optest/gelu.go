package optest

import (
	"fmt"
	"math"

	"hdmnet/internal/golden"
)

// gelu is the definition, x·Φ(x).
func gelu(x []float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = v * 0.5 * math.Erfc(-v/math.Sqrt2)
	}
	return y
}

func testGELU(s *suite) {
	for _, n := range []int{1, 2, 17, 257, 5003} {
		for _, scale := range []float64{1e-3, 3, 12} {
			what := fmt.Sprintf("%d up to %g", n, scale)
			s.gelu(what, random("gelu"+what, n, scale))
		}
	}
	s.gelu("far", []float64{0, 1e30, -1e30, 1e-30, -1e-30, 5.5, -5.5, 6, -6, 100, -100})
	y := s.output(1)
	s.dev.GELU(y, s.tensor([]float64{math.NaN()}, 1))
	if v := s.values(y); !math.IsNaN(v[0]) {
		s.Errorf("GELU of NaN is %g", v[0])
	}
	f := golden.Load(s.T, "ops.safetensors")
	read := func(part string) []float64 {
		v, _ := f.Float32("gelu." + part)
		return widen(v)
	}
	x := read("in.x")
	tx, out := s.tensor(x, len(x)), s.output(len(x))
	s.dev.GELU(out, tx)
	s.near("golden", out, read("out.y"))
	dx := s.gradient(len(x))
	s.dev.GELUGrad(dx, s.tensor(read("cotangent.y"), len(x)), tx)
	s.nearGradient("golden", dx, read("grad.x"))
}

// gelu checks both directions; the gradient of a sum of independent terms is compared
// at every element with the difference of its own term.
func (s *suite) gelu(what string, x []float64) {
	s.Helper()
	n := len(x)
	tx, y := s.tensor(x, n), s.output(n)
	s.dev.GELU(y, tx)
	s.near(what, y, gelu(x))
	same := s.tensor(x, n)
	s.dev.GELU(same, same)
	s.near(what+", in place", same, gelu(x))
	dy := random("gelu dy"+what, n, 1)
	dx := s.gradient(n)
	s.dev.GELUGrad(dx, s.tensor(dy, n), tx)
	const step = 1e-5
	up, down := gelu(plus(repeat(step, n), x)), gelu(plus(repeat(-step, n), x))
	want := make([]float64, n)
	for i := range want {
		want[i] = dy[i] * (up[i] - down[i]) / (2 * step)
		if math.Abs(x[i]) > 1e6 { // the step is lost in x; the slope is 0 or 1
			want[i] = dy[i] * max(0, math.Copysign(1, x[i]))
		}
	}
	s.nearGradient(what, dx, want)
}
