//go:build cuda

package cuda

import "hdmnet/internal/op"

// GELU computes x·Φ(x).
func (d *Device) GELU(y, x op.Tensor) {
	n := op.CheckGELU(y, x)
	d.launch("gelu", d.perFour(n), y, x, n)
}

// GELUGrad adds dy·(Φ(x) + x·φ(x)) to dx.
func (d *Device) GELUGrad(dx, dy, x op.Tensor) {
	n := op.CheckGELUGrad(dx, dy, x)
	seed, limit, scale := draws(op.DropoutParams{})
	d.launch("gelu_grad", d.perFour(n), dx, dy, x, seed, limit, scale, n, !d.fresh(dx))
}
