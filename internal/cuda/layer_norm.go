//go:build cuda

package cuda

import "hdmnet/internal/op"

// layerNormRows is how many rows, one a warp, a block of layer_norm.cu has.
const layerNormRows = 4

// LayerNorm normalizes every row of x and keeps its mean and 1/√(var+eps).
func (d *Device) LayerNorm(y, mean, rstd, x, w, b op.Tensor, eps float32) {
	rows, c := op.CheckLayerNorm(y, mean, rstd, x, w, b, false)
	d.launch("layer_norm", grid1(ceil(rows, layerNormRows), 32*layerNormRows), y, mean, rstd, x, w, b, eps, rows, c)
}

// LayerNormGrad adds the gradients of x, w and b.
func (d *Device) LayerNormGrad(dx, dw, db, dy, x, w, mean, rstd op.Tensor) {
	rows, c := op.CheckLayerNormGrad(dx, dw, db, dy, x, w, mean, rstd)
	d.layerNormGrad(dx, nil, dw, db, dy, x, w, mean, rstd, op.DropoutParams{}, rows, c)
}

// layerNormGrad is LayerNormGrad, and adds to branch, unless that is nil, dx dropped.
func (d *Device) layerNormGrad(dx, branch, dw, db, dy, x, w, mean, rstd op.Tensor, p op.DropoutParams, rows, c int) {
	if dx == nil && dw == nil && db == nil {
		return
	}
	// A block's partial sums lie in its shared memory, two rows of c a warp.
	warps := max(1, min(8, (96<<10)/(8*c)))
	count := max(1, min(1024, rows/64))
	chunkRows := ceil(rows, count)
	count = ceil(rows, chunkRows)
	var partial, half pointer
	if dw != nil || db != nil {
		partial = d.scratch(2 * count * c)
		defer d.freeScratch(partial)
		half = offset(partial, count*c)
	}
	s := grid1(count, 32*warps)
	s.shared = warps * 2 * c * 4
	seed, limit, scale := draws(p)
	addBranch := branch != nil && !d.fresh(branch)
	d.launch("layer_norm_grad", s, dx, branch, partial, half, dy, x, w, mean, rstd, seed, limit, scale, rows, c, chunkRows,
		dx != nil && !d.fresh(dx), addBranch)
	if dw != nil {
		d.addPartials(address(dw), partial, count, c)
	}
	if db != nil {
		d.addPartials(address(db), half, count, c)
	}
}
