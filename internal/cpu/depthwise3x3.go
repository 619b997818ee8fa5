package cpu

import "hdmnet/internal/op"

//go:generate go run asm/loops.go asm/isa.go -out loops_amd64.s -stubs loops_amd64.go -pkg cpu

// Depthwise3x3 convolves every channel by itself.
func (d *Device) Depthwise3x3(y, x, w, bias op.Tensor) {
	op.CheckDepthwise3x3(y, x, w, bias)
	depthwise(depthwiseArgs{x: x, dst: f32(y), start: f32(bias), w: f32(w)})
}

// depthwiseArgs are a convolution of x with w [9,C] that is added to dst or starts from
// start [C]; or the gradient g of one, for the sums of weights.
type depthwiseArgs struct {
	x             op.Tensor
	dst, start, w []float32
	added         bool
	g             []float32
}

var (
	depthwiseRows = newLoop(func(a *depthwiseArgs, lo, hi int) {
		t, c := newTapImage(a.x), op.Last(a.x)
		for row := lo; row < hi; row++ {
			t.eachRun(row, func(lo, hi int, rows *tapRows) {
				if a.added {
					convolveTaps(a.dst[lo:hi], a.dst[lo:hi], c, rows, a.w, c)
				} else {
					convolveTaps(a.dst[lo:hi], a.start, 0, rows, a.w, c)
				}
			})
		}
		t.release()
	})
	depthwiseSums = newChunkSums(func(a *depthwiseArgs, lo, hi int, acc []float32) {
		t, c := newTapImage(a.x), op.Last(a.x)
		for row := lo; row < hi; row++ {
			t.eachRun(row, func(lo, hi int, rows *tapRows) { weighTaps(acc, a.g[lo:hi], rows, c) })
		}
		t.release()
	})
)

func depthwise(a depthwiseArgs) {
	s := a.x.Shape()
	depthwiseRows.run(s[0]*s[1], rowGrain(s[2]*s[3]), a)
}

// Depthwise3x3Grad adds the gradients: dx is the convolution of dy with the turned
// kernel, dw[k,c] = Σ dy·(x shifted by k).
func (d *Device) Depthwise3x3Grad(dx, dw, db, dy, x, w op.Tensor) {
	op.CheckDepthwise3x3Grad(dx, dw, db, dy, x, w)
	c := op.Last(x)
	if dx != nil {
		turned := takeScratch(9 * c)
		for k, v := 0, f32(w); k < 9; k++ {
			copy(turned[(8-k)*c:(9-k)*c], v[k*c:])
		}
		depthwise(depthwiseArgs{x: dy, dst: f32(dx), added: true, w: turned})
		freeScratch(turned)
	}
	if dw == nil && db == nil {
		return
	}
	sums := depthwiseSums.run(x.Shape()[0]*x.Shape()[1], 1, 10*c, depthwiseArgs{x: x, g: f32(dy)})
	if dw != nil {
		addRow(f32(dw), sums[:9*c])
	}
	if db != nil {
		addRow(f32(db), sums[9*c:])
	}
	freeScratchOf(sums)
}

// convolveTaps computes dst = start + Σ_k w_k·x_k over consecutive positions of c
// channels: rows begin at the first position's left neighbors, w is [9,C], start moves
// on by step elements a position.
func convolveTaps(dst, start []float32, step int, rows *tapRows, w []float32, c int) {
	if depthwiseVector(dst, start, step, rows, w, c) {
		return
	}
	weights := tapsOfRows(&tapRows{w, w[3*c:], w[6*c:]}, 0, c)
	for p := 0; p*c < len(dst); p++ {
		in := tapsOfRows(rows, p, c)
		sumTaps(dst[p*c:(p+1)*c], start[p*step:][:c], &in, &weights)
	}
}

// weighTaps adds Σ dy·x_k to sum[k], k < 9, and Σ dy to sum[9], over consecutive
// positions; sum is [10,C].
func weighTaps(sum, dy []float32, rows *tapRows, c int) {
	if depthwiseWeightsVector(sum, dy, rows, c) {
		return
	}
	weights := tapsOfRows(&tapRows{sum, sum[3*c:], sum[6*c:]}, 0, c)
	for p := 0; p*c < len(dy); p++ {
		in := tapsOfRows(rows, p, c)
		addTaps(&weights, sum[9*c:], dy[p*c:(p+1)*c], &in)
	}
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
