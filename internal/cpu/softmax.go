package cpu

import "hdmnet/internal/op"

// Softmax computes every row's exp(x − max x)/Σ.
func (d *Device) Softmax(y, x op.Tensor) {
	op.SameSize("Softmax", y, x)
	c := op.Last(x)
	yv, xv := f32(y), f32(x)
	parallelFor(len(xv)/c, rowGrain(8*c), func(lo, hi int) {
		top, sum := borrow(hi-lo), borrow(hi-lo)
		expRows(yv[lo*c:hi*c], top, sum, xv[lo*c:hi*c], c)
		for r := lo; r < hi; r++ {
			scaleRow(yv[r*c:(r+1)*c], 1/sum[r-lo])
		}
		giveBack(top)
		giveBack(sum)
	})
}

// SoftmaxGrad adds y·(dy − Σ dy·y) to dx.
func (d *Device) SoftmaxGrad(dx, dy, y op.Tensor) {
	op.SameSize("SoftmaxGrad", dx, dy, y)
	c := op.Last(y)
	dxv, gv, yv := f32(dx), f32(dy), f32(y)
	parallelFor(len(yv)/c, rowGrain(c), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			dx, g, y := dxv[r*c:(r+1)*c], gv[r*c:(r+1)*c], yv[r*c:(r+1)*c]
			var dot float32
			for i, v := range y {
				dot += v * g[i]
			}
			for i, v := range y {
				dx[i] += v * (g[i] - dot)
			}
		}
	})
}
