//go:build cuda

package cuda

import "hdmnet/internal/op"

// ShotMean averages x [B,K,n...] over the shots into y [B,n...].
func (d *Device) ShotMean(y, x op.Tensor) {
	samples, shots, n := op.CheckShotMean(y, x)
	d.launch("shot_mean", d.perShot(samples, n), y, x, samples, shots, n)
}

// ShotMeanGrad adds dy/K to every shot of dx.
func (d *Device) ShotMeanGrad(dx, dy op.Tensor) {
	samples, shots, n := op.CheckShotMeanGrad(dx, dy)
	d.launch("shot_mean_grad", d.perShot(samples, n), dx, dy, samples, shots, n)
}

// perShot is a launch over the n elements of a shot, for every sample.
func (d *Device) perShot(samples, n int) size {
	s := d.perFour(n)
	s.grid[1] = min(samples, 65535)
	return s
}
