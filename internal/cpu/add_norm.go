package cpu

import "hdmnet/internal/op"

// AddNorm computes z = x + o dropped, then its normalization.
func (d *Device) AddNorm(z, y, mean, rstd, x, o, w, b op.Tensor, p op.DropoutParams, eps float32) {
	op.CheckAddNorm(z, y, mean, rstd, x, o, w, b, p)
	if p.P == 0 {
		d.Add(z, x, o)
	} else {
		d.Dropout(z, o, p)
		d.Add(z, x, z)
	}
	if w != nil {
		d.LayerNorm(y, mean, rstd, z, w, b, eps)
	}
}

// AddNormGrad adds the normalization's gradient to dz, and dz dropped to do.
func (d *Device) AddNormGrad(dz, do, dw, db, dy, z, w, mean, rstd op.Tensor, p op.DropoutParams) {
	op.CheckAddNormGrad(dz, do, dw, db, dy, z, w, mean, rstd, p)
	if dy != nil {
		d.LayerNormGrad(dz, dw, db, dy, z, w, mean, rstd)
	}
	switch {
	case do == nil:
	case p.P == 0:
		d.AddScaled(do, dz, 1)
	default:
		d.DropoutGrad(do, dz, p)
	}
}
