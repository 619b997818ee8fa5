package optest

import (
	"fmt"
	"math"

	"hdmnet/internal/golden"
	"hdmnet/internal/op"
)

// layerNorm is the definition for rows of c channels, with every row's mean and
// 1/√(var+eps).
func layerNorm(x, w, b []float64, eps float64) (y, mean, rstd []float64) {
	c := len(w)
	for r := 0; r < len(x); r += c {
		m, v := 0.0, 0.0
		for _, z := range x[r : r+c] {
			m += z / float64(c)
		}
		for _, z := range x[r : r+c] {
			v += (z - m) * (z - m) / float64(c)
		}
		s := 1 / math.Sqrt(v+eps)
		mean, rstd = append(mean, m), append(rstd, s)
		for i, z := range x[r : r+c] {
			y = append(y, (z-m)*s*w[i]+b[i])
		}
	}
	return y, mean, rstd
}

func testLayerNorm(s *suite) {
	const eps = 1e-6
	for _, sh := range [][]int{{1, 2}, {5, 3}, {2, 7, 5}, {1, 64}, {2, 130, 64}, {1, 3, 5, 66}, {3, 257}} {
		what := fmt.Sprint(sh)
		c := sh[len(sh)-1]
		n := size(sh)
		x, w, b := random("ln x"+what, n, 2), random("ln w"+what, c, 1), random("ln b"+what, c, 1)
		for i := range x {
			x[i] += 3 // away from zero: a variance taken as E[x²]−E[x]² shows
		}
		dy := random("ln dy"+what, n, 1)
		tx, tw, tb, tdy := s.tensor(x, sh...), s.tensor(w, c), s.tensor(b, c), s.tensor(dy, sh...)
		y, mean, rstd := s.output(sh...), s.output(n/c), s.output(n/c)
		s.dev.LayerNorm(y, mean, rstd, tx, tw, tb, eps)
		for i := range x { // the definition reads what the device read
			x[i] = float64(float32(x[i]))
		}
		want, wantMean, wantRstd := layerNorm(x, w, b, eps)
		// A pair of channels may lie close together: the division by a small deviation
		// magnifies the rounding of x − mean.
		s.nearTol(what, s.values(y), want, 1e-4, rtol)
		s.near(what+": mean", mean, wantMean)
		s.nearTol(what+": rstd", s.values(rstd), wantRstd, atol, 1e-4)
		dx, dw, db := s.gradient(sh...), s.gradient(c), s.gradient(c)
		s.dev.LayerNormGrad(dx, dw, db, tdy, tx, tw, mean, rstd)
		loss := func() float64 { y, _, _ := layerNorm(x, w, b, eps); return dot(y, dy) }
		s.finiteDifferences(what+": x", dx, x, loss)
		s.finiteDifferences(what+": w", dw, w, loss)
		s.finiteDifferences(what+": b", db, b, loss)
		alone := s.gradient(c)
		s.dev.LayerNormGrad(nil, alone, nil, tdy, tx, tw, mean, rstd)
		s.same(what+": dw alone", alone, dw)
		alone = s.gradient(sh...)
		s.dev.LayerNormGrad(alone, nil, nil, tdy, tx, tw, mean, rstd)
		s.same(what+": dx alone", alone, dx)
	}
	flat := s.output(2, 5)
	s.dev.LayerNorm(flat, s.output(2), s.output(2), s.tensor(repeat(7, 10), 2, 5), s.tensor(repeat(2, 5), 5), s.tensor(repeat(0.5, 5), 5), eps)
	s.near("constant rows", flat, repeat(0.5, 10))

	f := golden.Load(s.T, "ops.safetensors")
	read := func(part string) ([]float64, []int) {
		v, shape := f.Float32("layer_norm." + part)
		return widen(v), shape
	}
	load := func(part string) op.Tensor { v, shape := read(part); return s.tensor(v, shape...) }
	tx, tw := load("in.x"), load("in.w")
	shape := tx.Shape()
	c := shape[len(shape)-1]
	y, mean, rstd := s.output(shape...), s.output(size(shape)/c), s.output(size(shape)/c)
	s.dev.LayerNorm(y, mean, rstd, tx, tw, load("in.b"), eps)
	want, _ := read("out.y")
	s.near("golden", y, want)
	dx, dw, db := s.gradient(shape...), s.gradient(c), s.gradient(c)
	s.dev.LayerNormGrad(dx, dw, db, load("cotangent.y"), tx, tw, mean, rstd)
	for part, got := range map[string]op.Tensor{"x": dx, "w": dw, "b": db} {
		want, _ := read("grad." + part)
		s.nearGradient("golden "+part, got, want)
	}
}
