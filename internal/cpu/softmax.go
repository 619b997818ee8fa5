package cpu

import "hdmnet/internal/op"

// Softmax computes every row's exp(x − max x)/Σ.
func (d *Device) Softmax(y, x op.Tensor) {
	rows, c := op.CheckSoftmax(y, x)
	softmaxes.run(rows, rowGrain(8*c), softmaxArgs{y: f32(y), x: f32(x), c: c})
}

type softmaxArgs struct {
	y, x, dx, dy []float32
	c            int
}

var (
	softmaxes = newLoop(func(a *softmaxArgs, lo, hi int) {
		c := a.c
		top, sum := takeScratch(hi-lo), takeScratch(hi-lo)
		expRows(a.y[lo*c:hi*c], top, sum, a.x[lo*c:hi*c], c)
		for r := lo; r < hi; r++ {
			scaleRow(a.y[r*c:(r+1)*c], 1/sum[r-lo])
		}
		freeScratch(top)
		freeScratch(sum)
	})
	softmaxGrads = newLoop(func(a *softmaxArgs, lo, hi int) {
		c := a.c
		for r := lo; r < hi; r++ {
			dx, g, y := a.dx[r*c:(r+1)*c], a.dy[r*c:(r+1)*c], a.y[r*c:(r+1)*c]
			var dot float32
			for i, v := range y {
				dot += v * g[i]
			}
			for i, v := range y {
				dx[i] += v * (g[i] - dot)
			}
		}
	})
)

// SoftmaxGrad adds y·(dy − Σ dy·y) to dx.
func (d *Device) SoftmaxGrad(dx, dy, y op.Tensor) {
	rows, c := op.CheckSoftmaxGrad(dx, dy, y)
	softmaxGrads.run(rows, rowGrain(c), softmaxArgs{y: f32(y), dx: f32(dx), dy: f32(dy), c: c})
}
