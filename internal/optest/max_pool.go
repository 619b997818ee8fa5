package optest

import (
	"fmt"
	"math"

	"hdmnet/internal/golden"
	"hdmnet/internal/op"
)

// maxPool is the definition: every window's maximum and its position in the sample.
func maxPool(x []float64, b, h, w, c int, p op.PoolParams) (y []float64, at []int) {
	ho, wo := p.Out(h), p.Out(w)
	for n := range b {
		for i := range ho {
			for j := range wo {
				for k := range c {
					best, pos := math.Inf(-1), -1
					for dy := range p.Kernel {
						for dx := range p.Kernel {
							yy, xx := i*p.Stride-p.Pad+dy, j*p.Stride-p.Pad+dx
							if yy < 0 || yy >= h || xx < 0 || xx >= w {
								continue
							}
							if v := x[((n*h+yy)*w+xx)*c+k]; v > best {
								best, pos = v, yy*w+xx
							}
						}
					}
					y, at = append(y, best), append(at, pos)
				}
			}
		}
	}
	return y, at
}

func testMaxPool(s *suite) {
	stem := op.PoolParams{Kernel: 3, Stride: 2, Pad: 1}
	ceil := op.PoolParams{Kernel: 2, Stride: 2, Ceil: true}
	for _, c := range []struct {
		b, h, w, c int
		p          op.PoolParams
		ho, wo     int
	}{
		{1, 12, 13, 2, stem, 6, 7}, {2, 5, 7, 17, stem, 3, 4}, {1, 1, 1, 3, stem, 1, 1}, {3, 33, 9, 64, stem, 17, 5},
		{1, 7, 6, 5, ceil, 4, 3}, {2, 1, 3, 66, ceil, 1, 2}, {1, 9, 9, 3, op.PoolParams{Kernel: 2, Stride: 2}, 4, 4},
		{1, 6, 6, 2, op.PoolParams{Kernel: 3, Stride: 2, Pad: 1, Ceil: true}, 4, 4},
	} {
		what := fmt.Sprintf("%dx%dx%dx%d %+v", c.b, c.h, c.w, c.c, c.p)
		if c.p.Out(c.h) != c.ho || c.p.Out(c.w) != c.wo {
			s.Errorf("%s: output %d×%d, want %d×%d", what, c.p.Out(c.h), c.p.Out(c.w), c.ho, c.wo)
			continue
		}
		x := random(what, c.b*c.h*c.w*c.c, 2)
		for i := range x { // a few ties: the first position wins
			x[i] = math.Round(x[i]*64) / 64
		}
		want, at := maxPool(x, c.b, c.h, c.w, c.c, c.p)
		tx, y := s.tensor(x, c.b, c.h, c.w, c.c), s.output(c.b, c.ho, c.wo, c.c)
		argmax := s.arena.Int32(c.b, c.ho, c.wo, c.c)
		s.dev.MaxPool(y, argmax, tx, c.p)
		s.near(what, y, want)
		plain := s.output(c.b, c.ho, c.wo, c.c)
		s.dev.MaxPool(plain, nil, tx, c.p)
		s.near(what+" without argmax", plain, want)
		dy := random(what+"dy", len(want), 1)
		dx := s.gradient(c.b, c.h, c.w, c.c)
		s.dev.MaxPoolGrad(dx, s.tensor(dy, c.b, c.ho, c.wo, c.c), argmax)
		s.nearGradient(what, dx, scatterMax(dy, at, c.b, c.h*c.w, c.c))
	}
	f := golden.Load(s.T, "ops.safetensors")
	const name = "max_pool_3x3_s2_p1"
	x, shape := goldenMap(f, name+".in.x")
	want, outShape := goldenMap(f, name+".out.y")
	cot, _ := goldenMap(f, name+".cotangent.y")
	grad, _ := goldenMap(f, name+".grad.x")
	y, argmax := s.output(outShape...), s.arena.Int32(outShape...)
	s.dev.MaxPool(y, argmax, s.tensor(x, shape...), stem)
	s.near(name, y, want)
	dx := s.gradient(shape...)
	s.dev.MaxPoolGrad(dx, s.tensor(cot, outShape...), argmax)
	s.nearGradient(name, dx, grad)
}

// scatterMax is the gradient: dy at its winner. (The maximum has kinks at ties, where
// finite differences say nothing.)
func scatterMax(dy []float64, at []int, b, positions, c int) []float64 {
	dx := make([]float64, b*positions*c)
	outputs := len(dy) / (b * c)
	for i, g := range dy {
		dx[(i/(outputs*c)*positions+at[i])*c+i%c] += g
	}
	return dx
}

// goldenMap reads a golden NCHW array as NHWC float64.
func goldenMap(f *golden.File, name string) ([]float64, []int) {
	v, shape := f.Float32(name)
	v, shape = golden.ToNHWC(v, shape)
	return widen(v), shape
}
