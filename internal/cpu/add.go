package cpu

import "hdmnet/internal/op"

// Add computes y = a + b.
func (d *Device) Add(y, a, b op.Tensor) {
	n := op.CheckAdd(y, a, b)
	adding.run(n, elementGrain, addArgs{y: f32(y), a: f32(a), b: f32(b)})
}

type addArgs struct {
	y, a, b []float32
	alpha   float32
}

var (
	adding = newLoop(func(x *addArgs, lo, hi int) { addTo(x.y[lo:hi], x.a[lo:hi], x.b[lo:hi]) })

	scaledAdding = newLoop(func(x *addArgs, lo, hi int) { addScaledRow(x.y[lo:hi], x.a[lo:hi], x.alpha) })
)

// AddScaled computes y += alpha·x.
func (d *Device) AddScaled(y, x op.Tensor, alpha float32) {
	n := op.CheckAddScaled(y, x)
	scaledAdding.run(n, elementGrain, addArgs{y: f32(y), a: f32(x), alpha: alpha})
}
