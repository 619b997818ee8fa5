package optest

import (
	"fmt"
	"math"

	"hdmnet/internal/golden"
)

// priorSimilarity is the definition for b samples of k shots, n query and m support
// positions.
func priorSimilarity(b, k, n, m, c int, q, s, mask []float64) []float64 {
	y := make([]float64, b*n)
	for i := range y {
		x := q[i*c : (i+1)*c]
		for shot := range k {
			best := math.Inf(-1)
			for j := range m {
				at := (i/n*k+shot)*m + j
				z := make([]float64, c)
				for ch := range z {
					z[ch] = s[at*c+ch] * mask[at]
				}
				best = max(best, dot(x, z)/(norm(x)*norm(z)+1e-7))
			}
			y[i] += best / float64(k)
		}
	}
	return y
}

func testPriorSimilarity(s *suite) {
	for _, sh := range []struct{ b, k, h, w, sh, sw, c int }{
		{1, 1, 1, 1, 1, 1, 1}, {2, 1, 3, 5, 3, 5, 7}, {1, 5, 4, 4, 4, 4, 66}, {2, 2, 5, 7, 6, 3, 257}, {1, 1, 6, 6, 23, 29, 33},
	} {
		for _, share := range []float64{0, 0.4, 1} {
			// −1: all features are opposite, so that only a masked-out position gives 0.
			for _, sign := range []float64{0, 1, -1} {
				what := fmt.Sprintf("%+v foreground %g sign %g", sh, share, sign)
				n, m := sh.h*sh.w, sh.sh*sh.sw
				q, sup := random("prior q"+what, sh.b*n*sh.c, 1), random("prior s"+what, sh.b*sh.k*m*sh.c, 1)
				if sign != 0 {
					for i := range q {
						q[i] = math.Abs(q[i])
					}
					for i := range sup {
						sup[i] = sign * math.Abs(sup[i])
					}
				}
				mask := random("prior mask"+what, sh.b*sh.k*m, 0.5)
				for i, u := range mask {
					mask[i] = 0
					if u+0.5 <= share {
						mask[i] = 1
					}
				}
				copy(q[:sh.c], make([]float64, sh.c)) // a position without features
				y := s.output(sh.b, sh.h, sh.w)
				s.dev.PriorSimilarity(y, s.tensor(q, sh.b, sh.h, sh.w, sh.c), s.tensor(sup, sh.b, sh.k, sh.sh, sh.sw, sh.c),
					s.tensor(mask, sh.b, sh.k, sh.sh, sh.sw))
				s.near(what, y, priorSimilarity(sh.b, sh.k, n, m, sh.c, q, sup, mask))
			}
		}
	}
	s.goldenPrior("prior_similarity")
	s.goldenPrior("prior_similarity_negative")
}

func (s *suite) goldenPrior(name string) {
	s.Helper()
	f := golden.Load(s.T, "ops.safetensors")
	read := func(part string) ([]float64, []int) {
		v, shape := f.Float32(name + "." + part)
		if len(shape) == 4 {
			v, shape = golden.ToNHWC(v, shape)
		}
		return widen(v), shape
	}
	q, shape := read("in.q")
	sup, _ := read("in.s")
	label, from := read("in.mask")
	b, h, w, c := shape[0], shape[1], shape[2], shape[3]
	for i, l := range label {
		if l != 1 { // 255 is not foreground
			label[i] = 0
		}
	}
	full, mask := s.tensor(label, b, from[1], from[2], 1), s.output(b, h, w, 1)
	s.dev.ResizeNearest(mask, full)
	y := s.output(b, h, w)
	s.dev.PriorSimilarity(y, s.tensor(q, shape...), s.tensor(sup, b, 1, h, w, c), s.tensor(s.values(mask), b, 1, h, w))
	want, _ := read("out.y")
	s.near(name, y, want)
}
