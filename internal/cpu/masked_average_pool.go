package cpu

import "hdmnet/internal/op"

// maskedPoolEps keeps an empty mask from dividing by zero; the release's constant.
const maskedPoolEps = 0.0005

// MaskedAveragePool computes y[b] = Σ_n x[b,n]·m[b,n] / (Σ_n m[b,n] + 0.0005).
func (d *Device) MaskedAveragePool(y, x, mask op.Tensor) {
	samples, n, c := checkMaskedPool("MaskedAveragePool", y, x, mask)
	yv, xv, mv := f32(y), f32(x), f32(mask)
	for b := range samples {
		m := mv[b*n : (b+1)*n]
		sums := sumChunks(n, rowGrain(c), c, func(lo, hi int, acc []float32) {
			for r := lo; r < hi; r++ {
				weight := m[r]
				if weight == 0 {
					continue
				}
				addScaledRow(acc, xv[(b*n+r)*c:], weight)
			}
		})
		scale := maskedPoolScale(m)
		for i, v := range sums {
			yv[b*c+i] = v * scale
		}
		giveBack(sums)
	}
}

// MaskedAveragePoolGrad adds dy·m/(Σm + 0.0005) to dx.
func (d *Device) MaskedAveragePoolGrad(dx, dy, mask op.Tensor) {
	samples, n, c := checkMaskedPool("MaskedAveragePoolGrad", dy, dx, mask)
	dxv, gv, mv := f32(dx), f32(dy), f32(mask)
	for b := range samples {
		m := mv[b*n : (b+1)*n]
		scale := maskedPoolScale(m)
		g := gv[b*c : (b+1)*c]
		parallelFor(n, rowGrain(c), func(lo, hi int) {
			for r := lo; r < hi; r++ {
				weight := m[r] * scale
				if weight == 0 {
					continue
				}
				addScaledRow(dxv[(b*n+r)*c:][:c], g, weight)
			}
		})
	}
}

// maskedPoolScale is 1/(Σ m + 0.0005).
func maskedPoolScale(m []float32) float32 {
	sum := maskedPoolEps
	for _, v := range m {
		sum += float64(v)
	}
	return float32(1 / sum)
}

func checkMaskedPool(operator string, y, x, mask op.Tensor) (samples, n, c int) {
	samples, c = x.Shape()[0], op.Last(x)
	op.Shape(operator, "y", y, samples, c)
	n = op.Len(x) / c / samples
	checkRows(operator, mask, samples*n)
	return samples, n, c
}
