package op

import "fmt"

// ConvParams are the geometry of a convolution and its fused activation.
type ConvParams struct {
	Stride, Pad, Dilation int
	ReLU                  bool // forward only: y = max(0, ·) after bias and residual
}

// Out returns the output extent for an input extent and a kernel extent.
func (p ConvParams) Out(in, kernel int) int {
	return (in+2*p.Pad-p.Dilation*(kernel-1)-1)/p.Stride + 1
}

// Conv2D is the dense 2-D convolution (cross-correlation).
//
//	y[b,i,j,o] = bias[o] + residual[b,i,j,o] + Σ_{ky,kx,c} w[o,ky,kx,c] · x[b, i·s−p+ky·d, j·s−p+kx·d, c]
//
// x [B,H,W,Ci] with zeros outside; w [Co,KH,KW,Ci]; bias [Co] or nil; residual
// [B,Ho,Wo,Co] or nil; y [B,Ho,Wo,Co]. PyTorch: nn.Conv2d with the weight permuted
// to O,H,W,I; then ReLU when p.ReLU.
type Conv2D interface {
	// Conv2D computes y.
	Conv2D(y, x, w, bias, residual Tensor, p ConvParams)
	// Conv2DGradInput adds to dx the gradient through x: the transposed convolution of dy.
	Conv2DGradInput(dx, dy, w Tensor, p ConvParams)
	// Conv2DGradWeight adds to dw and db (either may be nil) the gradients Σ dy·x and Σ dy.
	Conv2DGradWeight(dw, db, x, dy Tensor, p ConvParams)
}

// CheckConv2D panics unless the shapes fit each other.
func CheckConv2D(y, x, w, bias, residual Tensor, p ConvParams) {
	xs, ws := x.Shape(), w.Shape()
	if len(xs) != 4 || len(ws) != 4 || xs[3] != ws[3] || p.Stride < 1 || p.Dilation < 1 {
		panic(fmt.Sprintf("op: Conv2D: x %v, w %v, %+v", xs, ws, p))
	}
	out := []int{xs[0], p.Out(xs[1], ws[1]), p.Out(xs[2], ws[2]), ws[0]}
	Shape("Conv2D", "y", y, out...)
	Shape("Conv2D", "residual", residual, out...)
	Shape("Conv2D", "bias", bias, ws[0])
}
