//go:build cuda

package cuda

import "hdmnet/internal/op"

// GELU computes x·Φ(x).
func (d *Device) GELU(y, x op.Tensor) {
	op.SameSize("GELU", y, x)
	n := op.Len(y)
	d.launch("gelu", d.perFour(n), y, x, n)
}

// GELUGrad adds dy·(Φ(x) + x·φ(x)) to dx.
func (d *Device) GELUGrad(dx, dy, x op.Tensor) {
	op.SameSize("GELUGrad", dx, dy, x)
	n := op.Len(x)
	d.launch("gelu_grad", d.perFour(n), dx, dy, x, n)
}
