//go:build cuda

package cuda

import (
	"math"

	"hdmnet/internal/op"
)

// adamWRates is AdamWRates of kernels/adamw.cu.
type adamWRates struct {
	count, _    int32
	end         [16]int
	decay, step [16]float32
}

// AdamW updates p, m and v in one pass and, of up to 16 learning rates, one launch, in PyTorch's
// order of operations.
func (d *Device) AdamW(p, m, v, g op.Tensor, h op.AdamWParams) {
	rates := op.CheckAdamW(p, m, v, g, &h)
	root := float32(math.Sqrt(1 - math.Pow(float64(h.Beta2), float64(h.Step))))
	for lo := 0; len(rates) > 0; {
		var list adamWRates
		quads := true
		n := min(len(rates), len(list.end))
		for i, r := range rates[:n] {
			list.end[i] = r.End - lo
			list.decay[i] = 1 - r.LR*h.WeightDecay
			list.step[i] = float32(float64(r.LR) / (1 - math.Pow(float64(h.Beta1), float64(h.Step))))
			quads = quads && (r.End-lo)%4 == 0
		}
		list.count = int32(n)
		all := list.end[n-1]
		at := func(t op.Tensor) pointer { return offset(address(t), lo) }
		d.launch("adamw", d.perFour(all), at(p), at(m), at(v), at(g), &list, 1-h.Beta1, h.Beta2, 1-h.Beta2, root, h.Eps, quads || n == 1, all)
		lo, rates = rates[n-1].End, rates[n:]
	}
}
