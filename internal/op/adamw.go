package op

import "fmt"

// AdamWParams are the hyper-parameters of one update.
type AdamWParams struct {
	LR, Beta1, Beta2, Eps, WeightDecay float32
	Step                               int // 1 for the first update

	// Rates are learning rates of parts, one after the other from the first element on, of which
	// the last one ends with the tensors; nil: LR is that of all.
	Rates []PartRate
}

// PartRate is the learning rate of the elements below End that no earlier part has.
type PartRate struct {
	End int
	LR  float32
}

// AdamW updates parameters with decoupled weight decay.
//
//	p ← p·(1 − lr·decay)    m ← β1·m + (1−β1)·g    v ← β2·v + (1−β2)·g²
//	p ← p − lr/(1−β1ᵗ) · m/(√v/√(1−β2ᵗ) + eps)
//
// p, g, m, v have as many elements. PyTorch: torch.optim.AdamW.
type AdamW interface {
	// AdamW updates p, m and v in place, with a learning rate for each part.
	AdamW(p, m, v, g Tensor, h AdamWParams)
}

// Parts is the number of parts with a learning rate of their own.
func (h *AdamWParams) Parts() int { return max(1, len(h.Rates)) }

// Part is the i-th of them, of n elements in all.
func (h *AdamWParams) Part(i, n int) PartRate {
	if h.Rates == nil {
		return PartRate{n, h.LR}
	}
	return h.Rates[i]
}

// CheckAdamW panics unless the operands fit the contract. It returns their elements.
func CheckAdamW(p, m, v, g Tensor, h *AdamWParams) int {
	n := elements3("AdamW", "p", p, "m", m, "v", v)
	sized("AdamW", "g", g, n)
	last := 0
	for _, r := range h.Rates {
		if r.End <= last {
			panic(fmt.Sprintf("op: AdamW: a part ends with element %d, the one before it with %d", r.End, last))
		}
		last = r.End
	}
	if h.Rates != nil && last != n {
		panic(fmt.Sprintf("op: AdamW: the parts of the rates end with element %d, p with %d", last, n))
	}
	return n
}
