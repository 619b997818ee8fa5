//go:build cuda

package cuda

import (
	"fmt"

	"hdmnet/internal/op"
)

// ShotMean averages x [B,K,n...] over the shots into y [B,n...].
func (d *Device) ShotMean(y, x op.Tensor) {
	samples, shots, n := shotSizes("ShotMean", y, x)
	d.launch("shot_mean", d.perShot(samples, n), y, x, samples, shots, n)
}

// ShotMeanGrad adds dy/K to every shot of dx.
func (d *Device) ShotMeanGrad(dx, dy op.Tensor) {
	samples, shots, n := shotSizes("ShotMeanGrad", dy, dx)
	d.launch("shot_mean_grad", d.perShot(samples, n), dx, dy, samples, shots, n)
}

// perShot is a launch over the n elements of a shot, for every sample.
func (d *Device) perShot(samples, n int) size {
	s := d.perFour(n)
	s.grid[1] = min(samples, 65535)
	return s
}

// shotSizes returns B, K and the elements of one shot; y is the mean, x the shots.
func shotSizes(operator string, y, x op.Tensor) (samples, shots, n int) {
	samples = y.Shape()[0]
	shots = op.Len(x) / op.Len(y)
	if shots*op.Len(y) != op.Len(x) {
		panic(fmt.Sprintf("op: %s: shots %v, mean %v, want a whole number of shots", operator, x.Shape(), y.Shape()))
	}
	return samples, shots, op.Len(y) / samples
}
