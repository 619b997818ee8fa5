//go:build cuda

package cuda

import (
	"math"

	"hdmnet/internal/op"
)

// Dropout computes y = x/(1−P) where the draw keeps the element, else 0.
func (d *Device) Dropout(y, x op.Tensor, p op.DropoutParams) {
	op.CheckDropout(y, x, p)
	d.drop("", y, x, p)
}

// DropoutGrad adds dy, dropped and scaled the same way, to dx.
func (d *Device) DropoutGrad(dx, dy op.Tensor, p op.DropoutParams) {
	op.CheckDropoutGrad(dx, dy, p)
	d.drop("_grad", dx, dy, p)
}

// drop launches the kernel with the ending.
func (d *Device) drop(ending string, y, x op.Tensor, p op.DropoutParams) {
	// DropoutParams.Keep compares with P·2²⁴ in float32; rounded up, whole numbers compare alike.
	limit, scale := uint32(math.Ceil(float64(p.P*(1<<24)))), 1/(1-p.P)
	if !p.Channel {
		n := op.Len(x)
		d.launch("dropout"+ending, d.perFour(n), y, x, p.Seed, limit, scale, n)
		return
	}
	all, c := matrixRows(x)
	samples := x.Shape()[0]
	rows := all / samples
	four := quads(c, address(y), address(x))
	d.launch("dropout_channels"+ending, d.channelGrid(c, rows, samples, four), y, x, p.Seed, limit, scale, samples, rows, c, four)
}
