package cpu

import "hdmnet/internal/op"

// ShotMean averages x [B,K,n...] over the shots into y [B,n...].
func (d *Device) ShotMean(y, x op.Tensor) {
	batch, shots, n := op.CheckShotMean(y, x)
	shotMeans.run(batch*n, elementGrain, shotArgs{f32(y), f32(x), shots, n})
}

// shotArgs are shots x [B,K,n] and their mean y [B,n], or their gradients.
type shotArgs struct {
	y, x     []float32
	shots, n int
}

var (
	shotMeans = newLoop(func(a *shotArgs, lo, hi int) {
		n, shots := a.n, a.shots
		for lo < hi {
			b, at := lo/n, lo%n
			run := min(hi-lo, n-at)
			y := a.y[lo : lo+run]
			copy(y, a.x[b*shots*n+at:])
			for k := 1; k < shots; k++ {
				addRow(y, a.x[(b*shots+k)*n+at:])
			}
			scaleRow(y, 1/float32(shots))
			lo += run
		}
	})
	shotMeanGrads = newLoop(func(a *shotArgs, lo, hi int) {
		n, shots := a.n, a.shots
		for lo < hi {
			b, at := lo/(shots*n), lo%n
			run := min(hi-lo, n-at)
			addScaledRow(a.x[lo:lo+run], a.y[b*n+at:], 1/float32(shots))
			lo += run
		}
	})
)

// ShotMeanGrad adds dy/K to every shot of dx.
func (d *Device) ShotMeanGrad(dx, dy op.Tensor) {
	batch, shots, n := op.CheckShotMeanGrad(dx, dy)
	shotMeanGrads.run(batch*shots*n, elementGrain, shotArgs{f32(dy), f32(dx), shots, n})
}
