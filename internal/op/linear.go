package op

// Linear is the product with a weight matrix on the last axis, y = x·wᵀ + bias.
//
// x [..., Ci]; w [Co,Ci]; bias [Co] or nil; y [..., Co]. PyTorch: nn.Linear, or a 1×1
// nn.Conv2d.
type Linear interface {
	// Linear computes y.
	Linear(y, x, w, bias Tensor)
	// LinearGradInput adds dy·w to dx.
	LinearGradInput(dx, dy, w Tensor)
	// LinearGradWeight adds dyᵀ·x to dw and the column sums of dy to db (either may be nil).
	LinearGradWeight(dw, db, x, dy Tensor)
	// LinearGrad is LinearGradInput and LinearGradWeight; db may be nil.
	LinearGrad(dx, dw, db, dy, x, w Tensor)
}

// CheckLinear panics unless the operands fit the contract. It returns the positions and
// the channels Ci and Co.
func CheckLinear(y, x, w, bias Tensor) (rows, in, out int) {
	const name = "Linear"
	rows, in, out = checkLinear(name, "y", y, "x", x)
	shaped(name, "w", w, out, in)
	shapedOrNil(name, "bias", bias, out)
	return rows, in, out
}

// CheckLinearGradInput is CheckLinear for the gradient.
func CheckLinearGradInput(dx, dy, w Tensor) (rows, in, out int) {
	const name = "LinearGradInput"
	rows, in, out = checkLinear(name, "dy", dy, "dx", dx)
	shaped(name, "w", w, out, in)
	return rows, in, out
}

// CheckLinearGradWeight is CheckLinear for the gradients of the parameters.
func CheckLinearGradWeight(dw, db, x, dy Tensor) (rows, in, out int) {
	const name = "LinearGradWeight"
	rows, in, out = checkLinear(name, "dy", dy, "x", x)
	shapedOrNil(name, "dw", dw, out, in)
	shapedOrNil(name, "db", db, out)
	return rows, in, out
}

// CheckLinearGrad is CheckLinear for both.
func CheckLinearGrad(dx, dw, db, dy, x, w Tensor) (rows, in, out int) {
	const name = "LinearGrad"
	rows, in, out = checkLinear(name, "dy", dy, "x", x)
	sized(name, "dx", dx, rows*in)
	shaped(name, "w", w, out, in)
	shaped(name, "dw", dw, out, in)
	shapedOrNil(name, "db", db, out)
	return rows, in, out
}

// checkLinear panics unless y and x have as many positions.
func checkLinear(operator, y string, yt Tensor, x string, xt Tensor) (rows, in, out int) {
	rows, in = rowsOf(operator, x, xt)
	_, out = rowsOf(operator, y, yt)
	sized(operator, y, yt, rows*out)
	return rows, in, out
}
