package op

// Softmax is exp(x_c)/Σ exp(x) over the last axis, the channels. PyTorch:
// x.softmax(1) of an NCHW map.
type Softmax interface {
	// Softmax computes y; y may be x.
	Softmax(y, x Tensor)
	// SoftmaxGrad adds y·(dy − Σ dy·y) to dx.
	SoftmaxGrad(dx, dy, y Tensor)
}
