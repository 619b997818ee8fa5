package cpu

import "hdmnet/internal/op"

// taps are the nine factors of one 3×3 window, row by row, each a slice of C values.
type taps [9][]float32

// window fills t with the neighbours of position (i,j) in the sample x [H,W,C];
// those outside are zeros [C].
func (t *taps) window(x, zeros []float32, i, j, h, w, c int) {
	for ky := range 3 {
		for kx := range 3 {
			r, s := i+ky-1, j+kx-1
			if r < 0 || r >= h || s < 0 || s >= w {
				t[3*ky+kx] = zeros
				continue
			}
			at := (r*w + s) * c
			t[3*ky+kx] = x[at : at+c]
		}
	}
}

// Depthwise3x3 convolves every channel by itself.
func (d *Device) Depthwise3x3(y, x, w, bias op.Tensor) {
	checkDepthwise("Depthwise3x3", y, x, w, bias)
	s, c := x.Shape(), op.Last(x)
	rows, cols := s[1], s[2]
	yv, xv, bv := f32(y), f32(x), f32(bias)
	var weights taps
	for k, v := 0, f32(w); k < 9; k++ {
		weights[k] = v[k*c : (k+1)*c]
	}
	zeros := borrow(c)
	clear(zeros)
	parallelFor(s[0]*rows, 1, func(lo, hi int) {
		var in taps
		for r := lo; r < hi; r++ {
			sample := xv[r/rows*rows*cols*c:][:rows*cols*c]
			for j := range cols {
				in.window(sample, zeros, r%rows, j, rows, cols, c)
				at := (r*cols + j) * c
				sumTaps(yv[at:at+c], bv, &in, &weights)
			}
		}
	})
	giveBack(zeros)
}

// Depthwise3x3Grad adds the gradients: dx is the convolution of dy with the turned
// kernel, dw[k,c] = Σ dy·(x shifted by k).
func (d *Device) Depthwise3x3Grad(dx, dw, db, dy, x, w op.Tensor) {
	checkDepthwise("Depthwise3x3Grad", dy, x, w, db)
	op.SameSize("Depthwise3x3Grad", dx, x)
	op.SameSize("Depthwise3x3Grad", dw, w)
	s, c := x.Shape(), op.Last(x)
	rows, cols := s[1], s[2]
	gv, xv := f32(dy), f32(x)
	zeros := borrow(c)
	clear(zeros)
	if dx != nil {
		dxv := f32(dx)
		var turned taps
		for k, v := 0, f32(w); k < 9; k++ {
			turned[8-k] = v[k*c : (k+1)*c]
		}
		parallelFor(s[0]*rows, 1, func(lo, hi int) {
			var in taps
			for r := lo; r < hi; r++ {
				sample := gv[r/rows*rows*cols*c:][:rows*cols*c]
				for j := range cols {
					in.window(sample, zeros, r%rows, j, rows, cols, c)
					at := (r*cols + j) * c
					sumTaps(dxv[at:at+c], dxv[at:at+c], &in, &turned)
				}
			}
		})
	}
	if dw != nil || db != nil {
		sums := sumChunks(s[0]*rows, 1, 10*c, func(lo, hi int, acc []float32) {
			var in, out taps
			for k := range 9 {
				out[k] = acc[k*c : (k+1)*c]
			}
			for r := lo; r < hi; r++ {
				sample := xv[r/rows*rows*cols*c:][:rows*cols*c]
				for j := range cols {
					in.window(sample, zeros, r%rows, j, rows, cols, c)
					at := (r*cols + j) * c
					addTaps(&out, acc[9*c:], gv[at:at+c], &in)
				}
			}
		})
		if dw != nil {
			addRow(f32(dw), sums[:9*c])
		}
		if db != nil {
			addRow(f32(db), sums[9*c:])
		}
		giveBack(sums)
	}
	giveBack(zeros)
}

// sumTaps computes dst = start + Σ_k x_k·w_k; dst may be start.
func sumTaps(dst, start []float32, x, w *taps) {
	n := len(dst)
	start = start[:n]
	x0, x1, x2, x3, x4, x5, x6, x7, x8 := x[0][:n], x[1][:n], x[2][:n], x[3][:n], x[4][:n], x[5][:n], x[6][:n], x[7][:n], x[8][:n]
	w0, w1, w2, w3, w4, w5, w6, w7, w8 := w[0][:n], w[1][:n], w[2][:n], w[3][:n], w[4][:n], w[5][:n], w[6][:n], w[7][:n], w[8][:n]
	for i, v := range start {
		a := x0[i]*w0[i] + x1[i]*w1[i] + x2[i]*w2[i]
		b := x3[i]*w3[i] + x4[i]*w4[i] + x5[i]*w5[i]
		c := x6[i]*w6[i] + x7[i]*w7[i] + x8[i]*w8[i]
		dst[i] = v + (a + b + c)
	}
}

// addTaps computes w_k += g·x_k and sum += g.
func addTaps(w *taps, sum, g []float32, x *taps) {
	n := len(g)
	sum = sum[:n]
	x0, x1, x2, x3, x4, x5, x6, x7, x8 := x[0][:n], x[1][:n], x[2][:n], x[3][:n], x[4][:n], x[5][:n], x[6][:n], x[7][:n], x[8][:n]
	w0, w1, w2, w3, w4, w5, w6, w7, w8 := w[0][:n], w[1][:n], w[2][:n], w[3][:n], w[4][:n], w[5][:n], w[6][:n], w[7][:n], w[8][:n]
	for i, v := range g {
		w0[i] += v * x0[i]
		w1[i] += v * x1[i]
		w2[i] += v * x2[i]
		w3[i] += v * x3[i]
		w4[i] += v * x4[i]
		w5[i] += v * x5[i]
		w6[i] += v * x6[i]
		w7[i] += v * x7[i]
		w8[i] += v * x8[i]
		sum[i] += v
	}
}

// checkDepthwise panics unless y has x's shape [B,H,W,C], w is [3,3,C] and bias [C].
func checkDepthwise(operator string, y, x, w, bias op.Tensor) {
	c := op.Last(x)
	op.Shape(operator, "x", x, -1, -1, -1, c)
	op.Shape(operator, "y", y, x.Shape()...)
	op.Shape(operator, "w", w, 3, 3, c)
	op.Shape(operator, "bias", bias, c)
}
