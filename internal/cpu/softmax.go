package cpu

import "hdmnet/internal/op"

// Softmax computes every row's exp(x − max x)/Σ.
func (d *Device) Softmax(y, x op.Tensor) {
	op.SameSize("Softmax", y, x)
	c := op.Last(x)
	yv, xv := f32(y), f32(x)
	parallelFor(len(xv)/c, rowGrain(8*c), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			x, y := xv[r*c:(r+1)*c], yv[r*c:(r+1)*c]
			top := x[0]
			for _, v := range x {
				top = max(top, v)
			}
			expTo(y, x, top)
			scale := 1 / rowSum(y)
			for i := range y {
				y[i] *= scale
			}
		}
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
