package cpu

import (
	"fmt"

	"hdmnet/internal/op"
)

// ShotMean averages x [B,K,n...] over the shots into y [B,n...].
func (d *Device) ShotMean(y, x op.Tensor) {
	shots, n := shotSizes("ShotMean", y, x)
	yv, xv := f32(y), f32(x)
	scale := 1 / float32(shots)
	parallelFor(len(yv), elementGrain, func(lo, hi int) {
		for lo < hi {
			b, at := lo/n, lo%n
			run := min(hi-lo, n-at)
			y := yv[lo : lo+run]
			copy(y, xv[b*shots*n+at:])
			for k := 1; k < shots; k++ {
				addRow(y, xv[(b*shots+k)*n+at:])
			}
			for i := range y {
				y[i] *= scale
			}
			lo += run
		}
	})
}

// ShotMeanGrad adds dy/K to every shot of dx.
func (d *Device) ShotMeanGrad(dx, dy op.Tensor) {
	shots, n := shotSizes("ShotMeanGrad", dy, dx)
	dxv, gv := f32(dx), f32(dy)
	scale := 1 / float32(shots)
	parallelFor(len(dxv), elementGrain, func(lo, hi int) {
		for lo < hi {
			b, at := lo/(shots*n), lo%n
			run := min(hi-lo, n-at)
			addScaledRow(dxv[lo:lo+run], gv[b*n+at:], scale)
			lo += run
		}
	})
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
