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
