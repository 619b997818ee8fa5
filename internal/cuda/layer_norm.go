//go:build cuda

package cuda

import "hdmnet/internal/op"

// layerNormRows is how many rows, one a warp, a block of layer_norm.cu has.
const layerNormRows = 4

// LayerNorm normalizes every row of x and keeps its mean and 1/√(var+eps).
func (d *Device) LayerNorm(y, mean, rstd, x, w, b op.Tensor, eps float32) {
	rows, c := op.CheckLayerNorm(y, mean, rstd, x, w, b)
	d.launch("layer_norm", grid1(ceil(rows, layerNormRows), 32*layerNormRows), y, mean, rstd, x, w, b, eps, rows, c)
}

// LayerNormGrad adds the gradients of x, w and b.
func (d *Device) LayerNormGrad(dx, dw, db, dy, x, w, mean, rstd op.Tensor) {
	rows, c := op.CheckLayerNormGrad(dx, dw, db, dy, x, w, mean, rstd)
	if dx != nil {
		d.launch("layer_norm_grad", grid1(ceil(rows, layerNormRows), 32*layerNormRows), dx, dy, x, w, mean, rstd, rows, c)
	}
	if dw == nil && db == nil {
		return
	}
	count, chunkRows := chunks(rows)
	partial := d.scratch(2 * count * c)
	defer d.freeScratch(partial)
	half := offset(partial, count*c)
	s := grid2(ceil(c, 32), count, 32)
	s.block[1] = 8
	d.launch("layer_norm_grad_params", s, partial, half, dy, x, mean, rstd, rows, c, chunkRows)
	if dw != nil {
		d.addPartials(dw, partial, count, c)
	}
	if db != nil {
		d.addPartials(db, half, count, c)
	}
}
