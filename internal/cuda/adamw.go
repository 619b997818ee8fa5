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
	n := op.CheckAdamW(p, m, v, g, &h)
	root := float32(math.Sqrt(1 - math.Pow(float64(h.Beta2), float64(h.Step))))
	for first, lo := 0, 0; first < h.Parts(); {
		var list adamWRates
		end, quads := lo, true // quads: no four neighbors belong to two parts
		for ; first < h.Parts() && int(list.count) < len(list.end); first++ {
			r, i := h.Part(first, n), list.count
			quads = quads && (end-lo)%4 == 0 // where the part begins
			list.end[i] = r.End - lo
			list.decay[i] = 1 - r.LR*h.WeightDecay
			list.step[i] = float32(float64(r.LR) / (1 - math.Pow(float64(h.Beta1), float64(h.Step))))
			end = r.End
			list.count++
		}
		at := func(t op.Tensor) pointer { return offset(address(t), lo) }
		d.launch("adamw", d.perFour(end-lo), at(p), at(m), at(v), at(g), &list, 1-h.Beta1, h.Beta2, 1-h.Beta2, root, h.Eps, quads, end-lo)
		lo = end
	}
}
