package op

// Depthwise3x3 is the 3×3 convolution of every channel by itself, stride 1, zero
// padding 1.
//
//	y[b,i,j,c] = bias[c] + Σ_{ky,kx} w[ky,kx,c] · x[b,i+ky−1,j+kx−1,c]
//
// x, y [B,H,W,C]; w [3,3,C]; bias [C]. PyTorch: nn.Conv2d(C, C, 3, padding=1,
// groups=C) with the weight [C,1,3,3] permuted to 3,3,C.
type Depthwise3x3 interface {
	// Depthwise3x3 computes y.
	Depthwise3x3(y, x, w, bias Tensor)
	// Depthwise3x3Grad adds the gradients of x, w and bias (each may be nil).
	Depthwise3x3Grad(dx, dw, db, dy, x, w Tensor)
}

// CheckDepthwise3x3 panics unless the operands fit the contract.
func CheckDepthwise3x3(y, x, w, bias Tensor) {
	const name = "Depthwise3x3"
	c := checkDepthwise(name, "y", y, x, w)
	shaped(name, "bias", bias, c)
}

// CheckDepthwise3x3Grad is CheckDepthwise3x3 for the gradients.
func CheckDepthwise3x3Grad(dx, dw, db, dy, x, w Tensor) {
	const name = "Depthwise3x3Grad"
	c := checkDepthwise(name, "dy", dy, x, w)
	shapedOrNil(name, "dx", dx, x.Shape()...)
	shapedOrNil(name, "dw", dw, 3, 3, c)
	shapedOrNil(name, "db", db, c)
}

func checkDepthwise(operator, y string, yt, x, w Tensor) (c int) {
	s := ranked(operator, "x", x, 4, "[B,H,W,C]")
	shaped(operator, y, yt, s...)
	shaped(operator, "w", w, 3, 3, s[3])
	return s[3]
}
