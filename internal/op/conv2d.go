package op

import (
	"fmt"

	"gorgonia.org/tensor"
)

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

// CheckConv2D panics unless the operands fit the contract.
func CheckConv2D(y, x, w, bias, residual Tensor, p ConvParams) {
	const name = "Conv2D"
	checkConv(name, "y", y, "x", x, "w", w, p)
	shapedOrNil(name, "bias", bias, w.Shape()[0])
	shapedOrNil(name, "residual", residual, y.Shape()...)
}

// CheckConv2DGradInput panics unless the operands fit the contract.
func CheckConv2DGradInput(dx, dy, w Tensor, p ConvParams) {
	checkConv("Conv2DGradInput", "dy", dy, "dx", dx, "w", w, p)
}

// CheckConv2DGradWeight panics unless the operands fit the contract. Without dw nothing is
// asked of x.
func CheckConv2DGradWeight(dw, db, x, dy Tensor, p ConvParams) {
	const name = "Conv2DGradWeight"
	if dw != nil {
		checkConv(name, "dy", dy, "x", x, "dw", dw, p)
	}
	present(name, "dy", dy, tensor.Float32)
	shapedOrNil(name, "db", db, Last(dy))
}

// checkConv panics unless y is the output's shape of a convolution of x with w.
func checkConv(operator, y string, yt Tensor, x string, xt Tensor, w string, wt Tensor, p ConvParams) {
	xs := ranked(operator, x, xt, 4, "[B,H,W,Ci]")
	shaped(operator, w, wt, -1, -1, -1, xs[3])
	checkConvOutput(operator, y, yt, xs, wt.Shape(), p)
}

// checkConvOutput panics unless y has the shape of a convolution of xs [B,H,W,Ci] with ws
// [Co,KH,KW,Ci].
func checkConvOutput(operator, y string, yt Tensor, xs, ws []int, p ConvParams) {
	p.check(operator)
	shaped(operator, y, yt, xs[0], p.Out(xs[1], ws[1]), p.Out(xs[2], ws[2]), ws[0])
}

func (p ConvParams) check(operator string) {
	if p.Stride < 1 || p.Dilation < 1 || p.Pad < 0 {
		panic(fmt.Sprintf("op: %s: params %+v, want a stride and a dilation of at least 1 and no negative padding", operator, p))
	}
}
