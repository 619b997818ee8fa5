package optest

import (
	"fmt"

	"hdmnet/internal/golden"
	"hdmnet/internal/op"
)

// adaptiveAvgPool is the definition: the mean over rows ⌊i·H/h⌋ … ⌈(i+1)·H/h⌉−1 and the
// same for columns.
func adaptiveAvgPool(x []float64, b, h, w, c, ho, wo int) []float64 {
	var y []float64
	for n := range b {
		for i := range ho {
			for j := range wo {
				for k := range c {
					sum, count := 0.0, 0
					for yy := range h {
						for xx := range w {
							if yy >= i*h/ho && yy*ho < (i+1)*h && xx >= j*w/wo && xx*wo < (j+1)*w {
								sum += x[((n*h+yy)*w+xx)*c+k]
								count++
							}
						}
					}
					y = append(y, sum/float64(count))
				}
			}
		}
	}
	return y
}

func testAdaptiveAvgPool(s *suite) {
	for _, c := range [][6]int{
		{1, 13, 13, 3, 1, 1}, {2, 13, 11, 66, 6, 6}, {1, 2, 3, 5, 3, 6}, {1, 1, 1, 1, 2, 3}, {3, 17, 17, 129, 2, 2}, {1, 60, 60, 8, 6, 3},
	} {
		b, h, w, ch, ho, wo := c[0], c[1], c[2], c[3], c[4], c[5]
		what := fmt.Sprint(c)
		x, dy := random(what, b*h*w*ch, 1), random(what+"dy", b*ho*wo*ch, 1)
		y := s.output(b, ho, wo, ch)
		s.dev.AdaptiveAvgPool(y, s.tensor(x, b, h, w, ch))
		s.near(what, y, adaptiveAvgPool(x, b, h, w, ch, ho, wo))
		dx := s.gradient(b, h, w, ch)
		s.dev.AdaptiveAvgPoolGrad(dx, s.tensor(dy, b, ho, wo, ch))
		s.finiteDifferences(what, dx, x, func() float64 { return dot(dy, adaptiveAvgPool(x, b, h, w, ch, ho, wo)) })
	}
	for _, sh := range [][4]int{{2, 13, 11, 66}, {1, 24, 24, 8}, {1, 2, 3, 5}} {
		x := s.tensor(random(fmt.Sprint("levels", sh), size(sh[:]), 1), sh[:]...)
		var levels, alone []op.Tensor
		for _, n := range []int{1, 2, 3, 6} {
			levels, alone = append(levels, s.output(sh[0], n, n, sh[3])), append(alone, s.output(sh[0], n, n, sh[3]))
			s.dev.AdaptiveAvgPool(alone[len(alone)-1], x)
		}
		s.dev.AdaptiveAvgPoolLevels(levels, x)
		for i, y := range levels {
			s.near(fmt.Sprintf("%v: level %d", sh, i), y, s.values(alone[i]))
		}
	}
	f := golden.Load(s.T, "ops.safetensors")
	for _, bins := range []int{1, 2, 3, 6} {
		name := fmt.Sprintf("adaptive_avg_pool_13to%d", bins)
		x, shape := goldenMap(f, name+".in.x")
		want, outShape := goldenMap(f, name+".out.y")
		cot, _ := goldenMap(f, name+".cotangent.y")
		grad, _ := goldenMap(f, name+".grad.x")
		y := s.output(outShape...)
		s.dev.AdaptiveAvgPool(y, s.tensor(x, shape...))
		s.near(name, y, want)
		dx := s.gradient(shape...)
		s.dev.AdaptiveAvgPoolGrad(dx, s.tensor(cot, outShape...))
		s.nearGradient(name, dx, grad)
	}
}
