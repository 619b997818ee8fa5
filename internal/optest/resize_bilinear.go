package optest

import (
	"fmt"

	"hdmnet/internal/golden"
)

// linearWeights is one axis of the definition: weights[i][p] is how much input p of in
// weighs in output i of out.
func linearWeights(in, out int, alignCorners bool) [][]float64 {
	weights := make([][]float64, out)
	for i := range out {
		src := 0.0
		switch {
		case !alignCorners:
			src = max(0, (float64(i)+0.5)*float64(in)/float64(out)-0.5)
		case out > 1:
			src = float64(i) * float64(in-1) / float64(out-1)
		}
		weights[i] = make([]float64, in)
		near := min(int(src), in-1)
		far := min(near+1, in-1)
		weights[i][near] += 1 - (src - float64(near))
		weights[i][far] += src - float64(near)
	}
	return weights
}

// resizeBilinear is the definition for x [B,H,W,C] to [B,h,w,C].
func resizeBilinear(x []float64, b, h, w, c, oh, ow int, alignCorners bool) []float64 {
	rows, cols := linearWeights(h, oh, alignCorners), linearWeights(w, ow, alignCorners)
	y := make([]float64, b*oh*ow*c)
	for i := range y {
		k, col, row, n := i%c, i/c%ow, i/(c*ow)%oh, i/(c*ow*oh)
		for p, wp := range rows[row] {
			if wp == 0 {
				continue
			}
			for q, wq := range cols[col] {
				if wq != 0 {
					y[i] += wp * wq * x[((n*h+p)*w+q)*c+k]
				}
			}
		}
	}
	return y
}

func testResizeBilinear(s *suite) {
	for _, sh := range [][6]int{
		{1, 1, 1, 1, 3, 2}, {1, 5, 4, 2, 1, 1}, {2, 4, 5, 3, 7, 9}, {1, 13, 11, 1, 5, 6}, {1, 3, 3, 66, 3, 5}, {2, 6, 6, 5, 6, 6},
		{1, 2, 3, 257, 5, 3}, {1, 60, 59, 2, 61, 47}, {1, 8, 8, 64, 3, 17}, {1, 1, 7, 2, 4, 7},
	} {
		for _, align := range []bool{true, false} {
			what := fmt.Sprint(sh, " align ", align)
			b, h, w, c, oh, ow := sh[0], sh[1], sh[2], sh[3], sh[4], sh[5]
			x, dy := random("rb"+what, b*h*w*c, 1), random("rb dy"+what, b*oh*ow*c, 1)
			y, dx := s.output(b, oh, ow, c), s.gradient(b, h, w, c)
			s.dev.ResizeBilinear(y, s.tensor(x, b, h, w, c), align)
			s.near(what, y, resizeBilinear(x, b, h, w, c, oh, ow, align))
			s.dev.ResizeBilinearGrad(dx, s.tensor(dy, b, oh, ow, c), align)
			s.finiteDifferences(what, dx, x, func() float64 { return dot(dy, resizeBilinear(x, b, h, w, c, oh, ow, align)) })
		}
	}
	f := golden.Load(s.T, "ops.safetensors")
	for i, align := range []bool{false, true} {
		for _, sizes := range []string{"4to7", "7to13", "13to97", "97to13", "13to5"} {
			name := fmt.Sprintf("bilinear_align%d_%s", i, sizes)
			x, shape := goldenMap(f, name+".in.x")
			want, outShape := goldenMap(f, name+".out.y")
			cotangent, _ := goldenMap(f, name+".cotangent.y")
			grad, _ := goldenMap(f, name+".grad.x")
			y, dx := s.output(outShape...), s.gradient(shape...)
			s.dev.ResizeBilinear(y, s.tensor(x, shape...), align)
			s.near(name, y, want)
			s.dev.ResizeBilinearGrad(dx, s.tensor(cotangent, outShape...), align)
			s.nearGradient(name, dx, grad)
		}
	}
}
