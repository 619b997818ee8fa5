package cpu

import (
	"fmt"

	"hdmnet/internal/op"
)

// ShotMean averages x [B,K,n...] over the shots into y [B,n...].
func (d *Device) ShotMean(y, x op.Tensor) {
	shots, n := shotSizes("ShotMean", y, x)
	shotMeans.run(op.Len(y), elementGrain, shotArgs{f32(y), f32(x), shots, n})
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
	shots, n := shotSizes("ShotMeanGrad", dy, dx)
	shotMeanGrads.run(op.Len(dx), elementGrain, shotArgs{f32(dy), f32(dx), shots, n})
}

// shotSizes returns K and the elements of one shot; y is the mean, x the shots.
func shotSizes(operator string, y, x op.Tensor) (shots, n int) {
	n = op.Len(y) / y.Shape()[0]
	shots = op.Len(x) / op.Len(y)
	if shots*op.Len(y) != op.Len(x) {
		panic(fmt.Sprintf("op: %s: shots %v, mean %v, want a whole number of shots", operator, x.Shape(), y.Shape()))
	}
	return shots, n
}
