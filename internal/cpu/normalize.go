package cpu

import "hdmnet/internal/op"

// normalizeBlock is how many pixels Normalize takes as one row of channels: their 192
// values are whole vectors of every instruction set, and enough to hide the row's start.
const normalizeBlock = 64

// Normalize implements op.Normalize.
func (d *Device) Normalize(y, x op.Tensor, mean, std [3]float32) {
	op.CheckNormalize(y, x)
	const c = 3 * normalizeBlock
	channels := takeScratch(3 * c)
	defer freeScratch(channels)
	means, scales, shifts := channels[:c], channels[c:2*c], channels[2*c:]
	for i := range c {
		means[i], scales[i], shifts[i] = mean[i%3], 1/std[i%3], 0
	}
	yv, xv := f32(y), f32(x)
	whole := len(yv) / c * c
	normalize(yv[:whole], xv[:whole], means, scales, shifts)
	for i := whole; i < len(yv); i++ {
		yv[i] = (xv[i] - means[i%3]) * scales[i%3]
	}
}
