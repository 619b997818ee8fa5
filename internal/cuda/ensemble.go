//go:build cuda

package cuda

import (
	"fmt"

	"hdmnet/internal/op"
)

// BaseForeground computes the sums over the base classes. The device does not tell the host
// of an except that is no class: y is NaN there.
func (d *Device) BaseForeground(y, prob, except op.Tensor) {
	s := prob.Shape()
	if len(s) != 4 {
		panic(fmt.Sprintf("op: BaseForeground: prob has shape %v, want [B,H,W,C]", s))
	}
	op.Shape("BaseForeground", "y", y, s[:3]...)
	op.Shape("BaseForeground", "except", except, s[0])
	rows, classes := matrixRows(prob)
	group := rowGroup(classes)
	d.launch("base_foreground", rowGrid(rows, group, d.sms*32), y, prob, except, rows, s[1]*s[2], classes, group)
}

// Ensemble computes y.
func (d *Device) Ensemble(y, meta, base, psi, gramMerge, clsMerge op.Tensor) {
	n := checkEnsemble("Ensemble", meta, base, psi, gramMerge, clsMerge)
	op.Shape("Ensemble", "y", y, meta.Shape()...)
	all := op.Len(base)
	d.launch("ensemble", d.perElement(all), y, meta, base, psi, gramMerge, clsMerge, n, all)
}

// EnsembleGrad adds the gradients: dmeta and sums over chunks of positions in one launch,
// then the sums of the chunks and of the samples.
func (d *Device) EnsembleGrad(dmeta, dpsi, dgramMerge, dclsMerge, dy, meta, base, psi, gramMerge, clsMerge op.Tensor) {
	const name = "EnsembleGrad"
	n := checkEnsemble(name, meta, base, psi, gramMerge, clsMerge)
	op.SameSize(name, dy, dmeta, meta)
	op.SameSize(name, dpsi, psi)
	op.SameSize(name, dgramMerge, dclsMerge, gramMerge)
	batch := op.Len(psi)
	count := max(1, min(64, n/512))
	chunkRows := ceil(n, count)
	partial := d.scratch(batch * (count + 1) * 4)
	defer d.freeScratch(partial)
	d.launch("ensemble_grad", grid2(count, batch, 256), dmeta, partial, dy, meta, base, psi, gramMerge, clsMerge, n, chunkRows)
	totals := offset(partial, batch*count*4)
	d.launch("ensemble_grad_sums", grid1(1, 256), dpsi, dgramMerge, dclsMerge, totals, partial, psi, gramMerge, batch, count)
}

// checkEnsemble checks the shapes and returns the positions of a sample.
func checkEnsemble(operator string, meta, base, psi, gramMerge, clsMerge op.Tensor) int {
	s := base.Shape()
	if len(s) != 3 {
		panic(fmt.Sprintf("op: %s: base has shape %v, want [B,H,W]", operator, s))
	}
	op.Shape(operator, "meta", meta, s[0], s[1], s[2], 2)
	op.Shape(operator, "psi", psi, s[0])
	op.SameSize(operator, gramMerge, clsMerge)
	if op.Len(gramMerge) != 2 {
		panic(fmt.Sprintf("op: %s: gramMerge has shape %v, want [2]", operator, gramMerge.Shape()))
	}
	return s[1] * s[2]
}
