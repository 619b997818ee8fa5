//go:build cuda

package cuda

import (
	"math"

	"hdmnet/internal/op"
)

// AdamW updates p, m and v in one pass, in PyTorch's order of operations.
func (d *Device) AdamW(p, m, v, g op.Tensor, h op.AdamWParams) {
	n := op.CheckAdamW(p, m, v, g)
	decay := 1 - h.LR*h.WeightDecay
	step := float32(float64(h.LR) / (1 - math.Pow(float64(h.Beta1), float64(h.Step))))
	root := float32(math.Sqrt(1 - math.Pow(float64(h.Beta2), float64(h.Step))))
	d.launch("adamw", d.perFour(n), p, m, v, g, 1-h.Beta1, h.Beta2, 1-h.Beta2, decay, step, root, h.Eps, n)
}
