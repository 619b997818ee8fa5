package optest

import (
	"fmt"

	"hdmnet/internal/golden"
)

// maskedAveragePool is the definition for b samples of n positions.
func maskedAveragePool(b, n, c int, x, mask []float64) []float64 {
	y := make([]float64, b*c)
	for i := range b {
		area := 0.0005
		for p := range n {
			area += mask[i*n+p]
		}
		for p := range n {
			for k := range c {
				y[i*c+k] += x[(i*n+p)*c+k] * mask[i*n+p] / area
			}
		}
	}
	return y
}

func testMaskedAveragePool(s *suite) {
	for _, sh := range [][4]int{{1, 1, 1, 1}, {2, 5, 7, 3}, {1, 60, 61, 66}, {3, 4, 9, 257}} {
		for _, kind := range []string{"soft", "binary", "empty", "full"} {
			what := fmt.Sprint(sh, " ", kind)
			b, h, w, c := sh[0], sh[1], sh[2], sh[3]
			n := h * w
			x, mask, dy := random("map x"+what, b*n*c, 1), random("map m"+what, b*n, 1), random("map dy"+what, b*c, 1)
			for i, m := range mask {
				switch {
				case kind == "empty" || kind == "binary" && m < 0.3:
					mask[i] = 0
				case kind == "full" || kind == "binary":
					mask[i] = 1
				default:
					mask[i] = max(0, m)
				}
			}
			tm, y, dx := s.tensor(mask, b, h, w), s.output(b, c), s.gradient(b, h, w, c)
			s.dev.MaskedAveragePool(y, s.tensor(x, b, h, w, c), tm)
			s.near(what, y, maskedAveragePool(b, n, c, x, mask))
			s.dev.MaskedAveragePoolGrad(dx, s.tensor(dy, b, c), tm)
			s.finiteDifferences(what, dx, x, func() float64 { return dot(dy, maskedAveragePool(b, n, c, x, mask)) })
		}
	}

	// The golden case's mask is a label map (255: ignored) of the input's size: its
	// foreground is resized first.
	f := golden.Load(s.T, "ops.safetensors")
	const name = "masked_average_pool"
	x, shape := goldenMap(f, name+".in.x")
	large, largeShape := goldenMap(f, name+".in.mask")
	for i, v := range large {
		if v != 1 {
			large[i] = 0
		}
	}
	mask := s.output(shape[0], shape[1], shape[2], 1)
	s.dev.ResizeBilinear(mask, s.tensor(large, largeShape...), true)
	m := s.tensor(s.values(mask), shape[:3]...)
	y, dx := s.output(shape[0], shape[3]), s.gradient(shape...)
	s.dev.MaskedAveragePool(y, s.tensor(x, shape...), m)
	want, _ := goldenMap(f, name+".out.y")
	s.near("golden", y, want)
	cotangent, _ := goldenMap(f, name+".cotangent.y")
	s.dev.MaskedAveragePoolGrad(dx, s.tensor(cotangent, shape[0], shape[3]), m)
	grad, _ := goldenMap(f, name+".grad.x")
	s.nearGradient("golden", dx, grad)
}
