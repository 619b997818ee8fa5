package op

// DepthwiseGELU is Depthwise3x3, GELU and Dropout in one pass.
//
//	before = Depthwise3x3(x, w, bias)
//	y      = Dropout(GELU(before))
//
// x, before, y [B,H,W,C]; w [3,3,C]; bias [C]; before is saved for the gradient.
type DepthwiseGELU interface {
	// DepthwiseGELU computes y, and before unless that is nil.
	DepthwiseGELU(y, before, x, w, bias Tensor, p DropoutParams)
	// DepthwiseGELUGrad adds the gradients of x, w and bias (each may be nil). work, as large
	// as x, is work memory, and so is dy: what it holds afterwards is undefined.
	DepthwiseGELUGrad(dx, dw, db, work, dy, before, x, w Tensor, p DropoutParams)
}

// CheckDepthwiseGELU panics unless the operands fit the contract.
func CheckDepthwiseGELU(y, before, x, w, bias Tensor, p DropoutParams) {
	const name = "DepthwiseGELU"
	checkDropout(name, "y", y, "x", x, p)
	c := checkDepthwise(name, "y", y, x, w)
	shaped(name, "bias", bias, c)
	shapedOrNil(name, "before", before, x.Shape()...)
}

// CheckDepthwiseGELUGrad is CheckDepthwiseGELU for the gradients.
func CheckDepthwiseGELUGrad(dx, dw, db, work, dy, before, x, w Tensor, p DropoutParams) {
	const name = "DepthwiseGELUGrad"
	checkDropout(name, "dy", dy, "x", x, p)
	c := checkDepthwise(name, "dy", dy, x, w)
	shaped(name, "work", work, x.Shape()...)
	shaped(name, "before", before, x.Shape()...)
	shapedOrNil(name, "dx", dx, x.Shape()...)
	shapedOrNil(name, "dw", dw, 3, 3, c)
	shapedOrNil(name, "db", db, c)
}
