package op

// SGDParams are the hyper-parameters of one update of one group.
type SGDParams struct {
	LR, Momentum, WeightDecay float32
}

// SGD updates parameters with momentum and L2 decay.
//
//	g' = g + decay·p    m ← momentum·m + g'    p ← p − lr·m
//
// p, m, g have as many elements; m starts at 0 (so the first step has m = g').
// PyTorch: torch.optim.SGD without dampening and Nesterov.
type SGD interface {
	// SGD updates p and m in place.
	SGD(p, m, g Tensor, h SGDParams)
}

// CheckSGD panics unless the operands fit the contract. It returns their elements.
func CheckSGD(p, m, g Tensor) int { return elements3("SGD", "p", p, "m", m, "g", g) }
