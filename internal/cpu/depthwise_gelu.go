package cpu

import "hdmnet/internal/op"

// DepthwiseGELU convolves, then takes GELU and drops in place.
func (d *Device) DepthwiseGELU(y, before, x, w, bias op.Tensor, p op.DropoutParams) {
	op.CheckDepthwiseGELU(y, before, x, w, bias, p)
	if before == nil {
		before = y
	}
	d.Depthwise3x3(before, x, w, bias)
	d.GELU(y, before)
	if p.P > 0 {
		d.Dropout(y, y, p)
	}
}

// DepthwiseGELUGrad goes back through the three; dy is dropped in place.
func (d *Device) DepthwiseGELUGrad(dx, dw, db, work, dy, before, x, w op.Tensor, p op.DropoutParams) {
	op.CheckDepthwiseGELUGrad(dx, dw, db, work, dy, before, x, w, p)
	if p.P > 0 {
		d.Dropout(dy, dy, p)
	}
	d.Zero(work)
	d.GELUGrad(work, dy, before)
	d.Depthwise3x3Grad(dx, dw, db, work, x, w)
}
