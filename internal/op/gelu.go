package op

// GELU is x·Φ(x) with the exact normal distribution, Φ(x) = (1 + erf(x/√2))/2.
// PyTorch: nn.GELU().
type GELU interface {
	// GELU computes y, element by element; y may be x.
	GELU(y, x Tensor)
	// GELUGrad adds dy·(Φ(x) + x·φ(x)) to dx.
	GELUGrad(dx, dy, x Tensor)
}

// CheckGELU panics unless the operands fit the contract. It returns their elements.
func CheckGELU(y, x Tensor) int { return elements2("GELU", "y", y, "x", x) }

// CheckGELUGrad is CheckGELU for the gradient.
func CheckGELUGrad(dx, dy, x Tensor) int { return elements3("GELUGrad", "x", x, "dx", dx, "dy", dy) }
