//go:build cuda

package cuda

import "hdmnet/internal/op"

// SGD updates p and m in one pass.
func (d *Device) SGD(p, m, g op.Tensor, h op.SGDParams) {
	n := op.CheckSGD(p, m, g)
	d.launch("sgd", d.perFour(n), p, m, g, h.LR, h.Momentum, h.WeightDecay, n)
}
