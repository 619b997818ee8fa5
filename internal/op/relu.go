package op

// ReLU is max(0, x), element by element. PyTorch: nn.ReLU.
type ReLU interface {
	// ReLU computes y; y may be x.
	ReLU(y, x Tensor)
	// ReLUGrad adds dy where y > 0 to dx.
	ReLUGrad(dx, dy, y Tensor)
}
