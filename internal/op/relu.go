package op

// ReLU is max(0, x), element by element. PyTorch: nn.ReLU.
type ReLU interface {
	// ReLU computes y; y may be x. x may hold halves.
	ReLU(y, x Tensor)
	// ReLUGrad adds dy where y > 0 to dx.
	ReLUGrad(dx, dy, y Tensor)
}

// CheckReLU panics unless the operands fit the contract. It returns their elements.
func CheckReLU(y, x Tensor) int {
	if IsHalf(x) {
		sizedOf(Half, "ReLU", "x", x, Len(y))
		return Len(y)
	}
	return elements2("ReLU", "y", y, "x", x)
}

// CheckReLUGrad is CheckReLU for the gradient.
func CheckReLUGrad(dx, dy, y Tensor) int { return elements3("ReLUGrad", "y", y, "dx", dx, "dy", dy) }
