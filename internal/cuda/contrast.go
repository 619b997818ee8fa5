//go:build cuda

package cuda

import "hdmnet/internal/op"

// Contrast implements op.Contrast.
func (d *Device) Contrast(similarity, difference, cosines, extremes, x, fg, bg op.Tensor) {
	s := op.CheckContrast(similarity, difference, cosines, extremes, x, fg, bg)
	group, rows := rowGroup(s.C), s.B*s.N
	d.launch("contrast_cosines", rowGrid(rows, group, d.sms*32), cosines, x, fg, bg, rows, s.N, s.K, s.C, group)
	d.launch("contrast_spread", grid1(s.B*s.K, 256), similarity, difference, extremes, cosines, s.N)
}

// ContrastGrad implements op.Contrast.
func (d *Device) ContrastGrad(dx, dfg, dbg, ddiff, cosines, extremes, x, fg, bg op.Tensor) {
	s := op.CheckContrastGrad(dx, dfg, dbg, ddiff, cosines, extremes, x, fg, bg)
	group, rows, images := rowGroup(s.C), s.B*s.N, s.B*s.K
	slopes, scaled, along := d.scratch(images*s.N*2), d.scratch(images*s.N*2), d.scratch(images*s.N*2)
	defer d.freeScratch(slopes)
	defer d.freeScratch(scaled)
	defer d.freeScratch(along)
	d.launch("contrast_slopes", grid1(images, 256), slopes, ddiff, cosines, extremes, s.N)
	d.launch("contrast_grad_rows", rowGrid(rows, group, d.sms*32), dx, scaled, along, slopes, cosines, x, fg, bg, rows, images, s.N, s.K, s.C, group)
	for p, m := range [2]struct{ grad, mean op.Tensor }{{dfg, fg}, {dbg, bg}} {
		if m.grad == nil {
			continue
		}
		at := p * images * s.N
		grid := size{grid: [3]int{ceil(s.C, 32), images, 1}, block: [3]int{256, 1, 1}}
		d.launch("contrast_grad_means", grid, m.grad, offset(scaled, at), offset(along, at), x, m.mean, s.N, s.K, s.C)
	}
}

// ContrastPrior implements op.Contrast.
func (d *Device) ContrastPrior(y, similarityA, differenceA, extremesA, similarityB, differenceB, extremesB op.Tensor) {
	samples, shots, n := op.CheckContrastPrior(y, similarityA, differenceA, extremesA, similarityB, differenceB, extremesB)
	d.launch("contrast_prior", d.perElement(samples*n), y, similarityA, differenceA, extremesA, similarityB, differenceB, extremesB, samples*n, n, shots)
}
