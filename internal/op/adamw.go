package op

// AdamWParams are the hyper-parameters of one update of one group.
type AdamWParams struct {
	LR, Beta1, Beta2, Eps, WeightDecay float32
	Step                               int // 1 for the first update
}

// AdamW updates parameters with decoupled weight decay.
//
//	p ← p·(1 − lr·decay)    m ← β1·m + (1−β1)·g    v ← β2·v + (1−β2)·g²
//	p ← p − lr/(1−β1ᵗ) · m/(√v/√(1−β2ᵗ) + eps)
//
// p, g, m, v have as many elements. PyTorch: torch.optim.AdamW.
type AdamW interface {
	// AdamW updates p, m and v in place.
	AdamW(p, m, v, g Tensor, h AdamWParams)
}

// CheckAdamW panics unless the operands fit the contract. It returns their elements.
func CheckAdamW(p, m, v, g Tensor) int {
	n := elements3("AdamW", "p", p, "m", m, "v", v)
	sized("AdamW", "g", g, n)
	return n
}
