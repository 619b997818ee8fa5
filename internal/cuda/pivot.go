//go:build cuda

package cuda

import "hdmnet/internal/op"

// Pivot implements op.Pivot.
func (d *Device) Pivot(y, weights, region, s, v, fg op.Tensor) {
	samples, n, c := op.CheckPivot(y, weights, region, s, v, fg)
	d.launch("pivot", grid1(samples, 256), y, weights, region, s, v, fg, n, c)
}

// PivotGrad implements op.Pivot.
func (d *Device) PivotGrad(ds, dv, dfg, dy, weights, region, v, fg op.Tensor) {
	samples, n, c := op.CheckPivotGrad(ds, dv, dfg, dy, weights, region, v, fg)
	dq, group := d.scratch(samples*c), rowGroup(c)
	defer d.freeScratch(dq)
	d.launch("pivot_grad_region", grid1(samples, 256), dq, dfg, dy, region, fg, c)
	d.launch("pivot_grad_rows", rowGrid(samples*n, group, d.sms*32), ds, dv, dq, weights, region, v, samples*n, n, c, group)
}
