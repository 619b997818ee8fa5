package optest

import (
	"fmt"

	"hdmnet/internal/op"
)

// dropMask is what a dropout multiplies n elements by.
func dropMask(p op.DropoutParams, n int) []float64 {
	mask := make([]float64, n)
	for i := range mask {
		if p.Keep(i) {
			mask[i] = 1 / (1 - float64(p.P))
		}
	}
	return mask
}

// times is the product of two vectors, element by element.
func times(a, b []float64) []float64 {
	y := make([]float64, len(a))
	for i := range y {
		y[i] = a[i] * b[i]
	}
	return y
}

func testAddNorm(s *suite) {
	const eps = 1e-6
	for _, sh := range [][]int{{5, 3}, {2, 130, 64}, {1, 3, 5, 66}, {3, 257}} {
		for _, p := range []op.DropoutParams{{}, {P: 0.3, Seed: 7}} {
			what := fmt.Sprintf("%v P %g", sh, p.P)
			n, c := size(sh), sh[len(sh)-1]
			x, o := random("addnorm x"+what, n, 2), random("addnorm o"+what, n, 2)
			w, b := random("addnorm w"+what, c, 1), random("addnorm b"+what, c, 1)
			dy, dz := random("addnorm dy"+what, n, 1), random("addnorm dz"+what, n, 1)
			for i := range x {
				x[i], o[i] = float64(float32(x[i]+3)), float64(float32(o[i]))
			}
			mask := dropMask(p, n)
			sum := func() []float64 { return plus(times(o, mask), x) }
			tx, to, tw, tb := s.tensor(x, sh...), s.tensor(o, sh...), s.tensor(w, c), s.tensor(b, c)
			z, y, mean, rstd := s.output(sh...), s.output(sh...), s.output(n/c), s.output(n/c)
			s.dev.AddNorm(z, y, mean, rstd, tx, to, tw, tb, p, eps)
			s.near(what+": z", z, sum())
			want, wantMean, wantRstd := layerNorm(sum(), w, b, eps)
			s.nearTol(what, s.values(y), want, 1e-4, rtol)
			s.near(what+": mean", mean, wantMean)
			s.nearTol(what+": rstd", s.values(rstd), wantRstd, atol, 1e-4)
			alone := s.output(sh...)
			s.dev.AddNorm(alone, nil, nil, nil, tx, to, nil, nil, p, 0)
			s.same(what+": z alone", alone, z)

			tdy := s.tensor(dy, sh...)
			dx, do, dw, db := s.tensor(dz, sh...), s.gradient(sh...), s.gradient(c), s.gradient(c)
			s.dev.AddNormGrad(dx, do, dw, db, tdy, z, tw, mean, rstd, p)
			before := s.gradient(sh...) // gradients begin with something that is added to
			s.dev.AddScaled(before, s.tensor(dz, sh...), -1)
			s.dev.AddScaled(dx, before, 1) // as if dx had begun like a gradient, and without dz
			loss := func() float64 { y, _, _ := layerNorm(sum(), w, b, eps); return dot(y, dy) }
			s.finiteDifferences(what+": x", dx, x, loss)
			s.finiteDifferences(what+": o", do, o, func() float64 { return loss() + dot(sum(), dz) })
			s.finiteDifferences(what+": w", dw, w, loss)
			s.finiteDifferences(what+": b", db, b, loss)

			only := s.gradient(sh...)
			s.dev.AddNormGrad(s.tensor(dz, sh...), only, nil, nil, nil, nil, nil, nil, nil, p)
			s.nearGradient(what+": o without y", only, times(dz, mask))
		}
	}
}
