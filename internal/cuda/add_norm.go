//go:build cuda

package cuda

import "hdmnet/internal/op"

// AddNorm computes z = x + o dropped, and its normalization in the same pass.
func (d *Device) AddNorm(z, y, mean, rstd, x, o, w, b op.Tensor, p op.DropoutParams, eps float32) {
	rows, c := op.CheckAddNorm(z, y, mean, rstd, x, o, w, b, p)
	seed, limit, scale := draws(p)
	if w == nil {
		d.launch("add_dropped", d.perFour(rows*c), z, x, o, seed, limit, scale, rows*c)
		return
	}
	d.launch("add_norm", grid1(ceil(rows, layerNormRows), 32*layerNormRows), z, y, mean, rstd, x, o, w, b, seed, limit, scale, eps, rows, c)
}

// AddNormGrad adds the normalization's gradient to dz, and dz dropped to do.
func (d *Device) AddNormGrad(dz, do, dw, db, dy, z, w, mean, rstd op.Tensor, p op.DropoutParams) {
	rows, c := op.CheckAddNormGrad(dz, do, dw, db, dy, z, w, mean, rstd, p)
	if dy != nil {
		d.layerNormGrad(dz, do, dw, db, dy, z, w, mean, rstd, p, rows, c)
	} else if do != nil {
		d.drop(do, dz, p, !d.fresh(do))
	}
}
