//go:build cuda

package cuda

import "hdmnet/internal/op"

// MaskedAveragePool computes y[b] = Σ_n x[b,n]·m[b,n] / (Σ_n m[b,n] + 0.0005).
func (d *Device) MaskedAveragePool(y, x, mask op.Tensor) {
	samples, n, c := op.CheckMaskedAveragePool(y, x, mask)
	sums := weightedSums{x: address(x), weights: address(mask), groups: samples, rows: n, cols: c, perSample: 1, scale: 1}
	sums.run(d, y)
	d.launch("masked_pool_scale", grid1(samples, 256), nil, y, mask, n, c)
}

// MaskedAveragePoolGrad adds dy·m/(Σm + 0.0005) to dx.
func (d *Device) MaskedAveragePoolGrad(dx, dy, mask op.Tensor) {
	samples, n, c := op.CheckMaskedAveragePoolGrad(dx, dy, mask)
	scale := d.scratch(samples)
	defer d.freeScratch(scale)
	d.launch("masked_pool_scale", grid1(samples, 256), scale, nil, mask, n, c)
	fours := quads(c, address(dx), address(dy))
	elements := samples * n * c
	if fours {
		elements /= 4
	}
	d.launch("masked_pool_grad", d.perElement(elements), dx, dy, mask, scale, samples*n, n, c, fours)
}
