//go:build cuda

package cuda

import (
	"math"

	"hdmnet/internal/op"
)

// Dropout computes y = x/(1−P) where the draw keeps the element, else 0.
func (d *Device) Dropout(y, x op.Tensor, p op.DropoutParams) {
	op.CheckDropout(y, x, p)
	d.drop(y, x, p)
}

// DropoutGrad adds dy, dropped and scaled the same way, to dx.
func (d *Device) DropoutGrad(dx, dy op.Tensor, p op.DropoutParams) {
	op.CheckDropoutGrad(dx, dy, p)
	d.drop(dx, dy, p, !d.fresh(dx))
}

// draws are the numbers that kernels/dropout.cuh draws with.
func draws(p op.DropoutParams) (seed uint64, limit uint32, scale float32) {
	// DropoutParams.Keep compares with P·2²⁴ in float32; rounded up, whole numbers compare alike.
	return p.Seed, uint32(math.Ceil(float64(p.P * (1 << 24)))), 1 / (1 - p.P)
}

// drop launches dropout, or its gradient where it is told whether to add.
func (d *Device) drop(y, x op.Tensor, p op.DropoutParams, add ...any) {
	seed, limit, scale := draws(p)
	ending := ""
	if len(add) > 0 {
		ending = "_grad"
	}
	if !p.Channel {
		n := op.Len(x)
		d.launch("dropout"+ending, d.perFour(n), append([]any{y, x, seed, limit, scale, n}, add...)...)
		return
	}
	all, c := matrixRows(x)
	samples := x.Shape()[0]
	rows := all / samples
	four := quads(c, address(y), address(x))
	d.launch("dropout_channels"+ending, d.channelGrid(c, rows, samples, four), append([]any{y, x, seed, limit, scale, samples, rows, c, four}, add...)...)
}
