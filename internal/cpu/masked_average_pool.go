package cpu

import "hdmnet/internal/op"

// maskedPoolEps keeps an empty mask from dividing by zero; the release's constant.
const maskedPoolEps = 0.0005

// MaskedAveragePool computes y[b] = Σ_n x[b,n]·m[b,n] / (Σ_n m[b,n] + 0.0005).
func (d *Device) MaskedAveragePool(y, x, mask op.Tensor) {
	samples, n, c := op.CheckMaskedAveragePool(y, x, mask)
	yv, xv, mv := f32(y), f32(x), f32(mask)
	for b := range samples {
		m := mv[b*n : (b+1)*n]
		sums := maskedSums.run(n, rowGrain(c), c, maskedArgs{x: sample(xv, b, samples), mask: m, c: c})
		scale := maskedPoolScale(m)
		for i, v := range sums {
			yv[b*c+i] = v * scale
		}
		freeScratchOf(sums)
	}
}

// maskedArgs are the rows x [n,c] of a sample, its mask [n] and the gradient g [c].
type maskedArgs struct {
	x, mask, g []float32
	c          int
	scale      float32
}

var (
	maskedSums = newChunkSums(func(a *maskedArgs, lo, hi int, acc []float32) {
		for r := lo; r < hi; r++ {
			if weight := a.mask[r]; weight != 0 {
				addScaledRow(acc, a.x[r*a.c:], weight)
			}
		}
	})
	maskedGrads = newLoop(func(a *maskedArgs, lo, hi int) {
		for r := lo; r < hi; r++ {
			if weight := a.mask[r] * a.scale; weight != 0 {
				addScaledRow(a.x[r*a.c:][:a.c], a.g, weight)
			}
		}
	})
)

// MaskedAveragePoolGrad adds dy·m/(Σm + 0.0005) to dx.
func (d *Device) MaskedAveragePoolGrad(dx, dy, mask op.Tensor) {
	samples, n, c := op.CheckMaskedAveragePoolGrad(dx, dy, mask)
	dxv, gv, mv := f32(dx), f32(dy), f32(mask)
	for b := range samples {
		m := mv[b*n : (b+1)*n]
		maskedGrads.run(n, rowGrain(c), maskedArgs{x: sample(dxv, b, samples), mask: m, g: sample(gv, b, samples), c: c, scale: maskedPoolScale(m)})
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
