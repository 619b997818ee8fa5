//go:build cuda

package cuda

import "hdmnet/internal/op"

// BaseForeground computes the sums over the base classes. The device does not tell the host
// of an except that is no class: y is NaN there.
func (d *Device) BaseForeground(y, prob, except op.Tensor) {
	batch, n, classes := op.CheckBaseForeground(y, prob, except)
	rows := batch * n
	group := rowGroup(classes)
	d.launch("base_foreground", rowGrid(rows, group, d.sms*32), y, prob, except, rows, n, classes, group)
}

// Ensemble computes y.
func (d *Device) Ensemble(y, meta, base, psi, gramMerge, clsMerge op.Tensor) {
	batch, n := op.CheckEnsemble(y, meta, base, psi, gramMerge, clsMerge)
	all := batch * n
	d.launch("ensemble", d.perElement(all), y, meta, base, psi, gramMerge, clsMerge, n, all)
}

// EnsembleGrad adds the gradients: dmeta and sums over chunks of positions in one launch,
// then the sums of the chunks and of the samples.
func (d *Device) EnsembleGrad(dmeta, dpsi, dgramMerge, dclsMerge, dy, meta, base, psi, gramMerge, clsMerge op.Tensor) {
	batch, n := op.CheckEnsembleGrad(dmeta, dpsi, dgramMerge, dclsMerge, dy, meta, base, psi, gramMerge, clsMerge)
	count := max(1, min(64, n/512))
	chunkRows := ceil(n, count)
	partial := d.scratch(batch * (count + 1) * 4)
	defer d.freeScratch(partial)
	d.launch("ensemble_grad", grid2(count, batch, 256), dmeta, partial, dy, meta, base, psi, gramMerge, clsMerge, n, chunkRows)
	totals := offset(partial, batch*count*4)
	d.launch("ensemble_grad_sums", grid1(1, 256), dpsi, dgramMerge, dclsMerge, totals, partial, psi, gramMerge, batch, count)
}
