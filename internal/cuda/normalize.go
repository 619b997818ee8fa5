//go:build cuda

package cuda

import "hdmnet/internal/op"

// Normalize computes y = (x − mean)/std by channel. One over std is taken here, with the
// rounding of every other device.
func (d *Device) Normalize(y, x op.Tensor, mean, std [3]float32) {
	n := op.CheckNormalize(y, x)
	d.launch("normalize", d.perFour(n), y, x, mean[0], mean[1], mean[2], 1/std[0], 1/std[1], 1/std[2], n)
}
