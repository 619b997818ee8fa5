package optest

import (
	"fmt"

	"hdmnet/internal/golden"
)

// depthwise3x3 is the definition for x [B,H,W,C], w [3,3,C].
func depthwise3x3(h, w, c int, x, weight, bias []float64) []float64 {
	y := make([]float64, len(x))
	for i := range y {
		ch, col, row, n := i%c, i/c%w, i/(c*w)%h, i/(c*w*h)
		y[i] = bias[ch]
		for ky := range 3 {
			for kx := range 3 {
				if r, q := row+ky-1, col+kx-1; r >= 0 && r < h && q >= 0 && q < w {
					y[i] += weight[(3*ky+kx)*c+ch] * x[((n*h+r)*w+q)*c+ch]
				}
			}
		}
	}
	return y
}

func testDepthwise3x3(s *suite) {
	for _, sh := range [][4]int{{1, 1, 1, 1}, {1, 1, 5, 2}, {2, 4, 1, 3}, {1, 2, 2, 5}, {2, 7, 9, 64}, {1, 3, 1, 16}, {2, 2, 2, 32}, {1, 5, 6, 66}, {1, 3, 4, 257}, {3, 25, 5, 17}} {
		what := fmt.Sprint(sh)
		b, h, w, c := sh[0], sh[1], sh[2], sh[3]
		x, weight, bias := random("dw x"+what, b*h*w*c, 1), random("dw w"+what, 9*c, 1), random("dw b"+what, c, 1)
		dy := random("dw dy"+what, b*h*w*c, 1)
		tx, tw, tdy := s.tensor(x, b, h, w, c), s.tensor(weight, 3, 3, c), s.tensor(dy, b, h, w, c)
		y := s.output(b, h, w, c)
		s.dev.Depthwise3x3(y, tx, tw, s.tensor(bias, c))
		s.near(what, y, depthwise3x3(h, w, c, x, weight, bias))
		dx, dw, db := s.gradient(b, h, w, c), s.gradient(3, 3, c), s.gradient(c)
		s.dev.Depthwise3x3Grad(dx, dw, db, tdy, tx, tw)
		loss := func() float64 { return dot(dy, depthwise3x3(h, w, c, x, weight, bias)) }
		s.finiteDifferences(what+": x", dx, x, loss)
		s.finiteDifferences(what+": w", dw, weight, loss)
		s.finiteDifferences(what+": bias", db, bias, loss)
		dx2, dw2 := s.gradient(b, h, w, c), s.gradient(3, 3, c)
		s.dev.Depthwise3x3Grad(dx2, nil, nil, tdy, tx, tw)
		s.same(what+": dx alone", dx2, dx)
		s.dev.Depthwise3x3Grad(nil, dw2, nil, tdy, tx, tw)
		s.same(what+": dw alone", dw2, dw)
	}

	f := golden.Load(s.T, "ops.safetensors")
	const name = "depthwise_conv3x3"
	x, shape := goldenMap(f, name+".in.x")
	cotangent, _ := goldenMap(f, name+".cotangent.y")
	vector := func(part string) []float64 { v, _ := f.Float32(name + "." + part); return widen(v) }
	c := shape[3]
	tx, tw := s.tensor(x, shape...), s.tensor(transposed(vector("in.w"), c, 9), 3, 3, c)
	y := s.output(shape...)
	s.dev.Depthwise3x3(y, tx, tw, s.tensor(vector("in.b"), c))
	want, _ := goldenMap(f, name+".out.y")
	s.near("golden", y, want)
	dx, dw, db := s.gradient(shape...), s.gradient(3, 3, c), s.gradient(c)
	s.dev.Depthwise3x3Grad(dx, dw, db, s.tensor(cotangent, shape...), tx, tw)
	want, _ = goldenMap(f, name+".grad.x")
	s.nearGradient("golden x", dx, want)
	s.nearGradient("golden w", dw, transposed(vector("grad.w"), c, 9))
	s.nearGradient("golden bias", db, vector("grad.b"))
}

// transposed turns [rows, cols] into [cols, rows].
func transposed(v []float64, rows, cols int) []float64 {
	t := make([]float64, 0, len(v))
	for j := range cols {
		for i := range rows {
			t = append(t, v[i*cols+j])
		}
	}
	return t
}
