package op

// Softmax is exp(x_c)/Σ exp(x) over the last axis, the channels. PyTorch:
// x.softmax(1) of an NCHW map.
type Softmax interface {
	// Softmax computes y; y may be x.
	Softmax(y, x Tensor)
	// SoftmaxGrad adds y·(dy − Σ dy·y) to dx.
	SoftmaxGrad(dx, dy, y Tensor)
}

// CheckSoftmax panics unless the operands fit the contract. It returns the positions and
// C.
func CheckSoftmax(y, x Tensor) (rows, c int) {
	const name = "Softmax"
	rows, c = rowsOf(name, "x", x)
	sized(name, "y", y, rows*c)
	return rows, c
}

// CheckSoftmaxGrad is CheckSoftmax for the gradient.
func CheckSoftmaxGrad(dx, dy, y Tensor) (rows, c int) {
	const name = "SoftmaxGrad"
	rows, c = rowsOf(name, "y", y)
	sized(name, "dx", dx, rows*c)
	sized(name, "dy", dy, rows*c)
	return rows, c
}
