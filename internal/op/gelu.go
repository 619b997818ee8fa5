package op

// GELU is x·Φ(x) with the exact normal distribution, Φ(x) = (1 + erf(x/√2))/2.
// PyTorch: nn.GELU().
type GELU interface {
	// GELU computes y, element by element.
	GELU(y, x Tensor)
	// GELUGrad adds dy·(Φ(x) + x·φ(x)) to dx.
	GELUGrad(dx, dy, x Tensor)
}
