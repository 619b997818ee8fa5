//go:build cuda

package cuda

import "hdmnet/internal/op"

// DepthwiseGELU convolves, and takes GELU and drops before the values leave the registers.
func (d *Device) DepthwiseGELU(y, before, x, w, bias op.Tensor, p op.DropoutParams) {
	op.CheckDepthwiseGELU(y, before, x, w, bias, p)
	seed, limit, scale := draws(p)
	s, wide := depthwiseSize(x, address(y), address(before), address(x), address(w), address(bias))
	sh := x.Shape()
	d.launch("depthwise_gelu", s, y, before, x, w, bias, seed, limit, scale, sh[0], sh[1], sh[2], sh[3], wide)
}

// DepthwiseGELUGrad makes the gradient of the convolution's output in work.
func (d *Device) DepthwiseGELUGrad(dx, dw, db, work, dy, before, x, w op.Tensor, p op.DropoutParams) {
	op.CheckDepthwiseGELUGrad(dx, dw, db, work, dy, before, x, w, p)
	seed, limit, scale := draws(p)
	n, add := op.Len(x), dx != nil && !d.fresh(dx)
	d.launch("gelu_grad", d.perFour(n), work, dy, before, seed, limit, scale, n, false)
	d.depthwiseGrad(dx, dw, db, work, x, w, add)
}
