package op

import "fmt"

// FrozenConv is a convolution whose weights no longer change, in the form in which its
// device computes it fastest.
type FrozenConv interface {
	// Shape is that of the weights, [Co,KH,KW,Ci].
	Shape() []int
	// Params is the geometry; its ReLU means nothing.
	Params() ConvParams
	// Close gives the memory back.
	Close() error
}

// FrozenConv2D is Conv2D for weights that no longer change: a device packs, transforms or
// rounds them once. It has no gradient.
type FrozenConv2D interface {
	// FreezeConv2D prepares a convolution with weights w [Co,KH,KW,Ci] and bias [Co] or nil,
	// which it copies. Its error is that of memory that cannot be had.
	FreezeConv2D(w, bias []float32, shape []int, p ConvParams) (FrozenConv, error)
	// FrozenConv2D computes y as Conv2D does; residual may be nil.
	FrozenConv2D(y, x Tensor, c FrozenConv, residual Tensor, relu bool)
}

// CheckFreezeConv2D panics unless the weights have the sizes of shape.
func CheckFreezeConv2D(w, bias []float32, shape []int, p ConvParams) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	if len(shape) != 4 || len(w) != n || bias != nil && len(bias) != shape[0] || p.Stride < 1 || p.Dilation < 1 {
		panic(fmt.Sprintf("op: FreezeConv2D: %d weights and %d biases for %v, %+v", len(w), len(bias), shape, p))
	}
}

// CheckFrozenConv2D panics unless the shapes fit each other.
func CheckFrozenConv2D(y, x Tensor, c FrozenConv, residual Tensor) {
	xs, ws, p := x.Shape(), c.Shape(), c.Params()
	if len(xs) != 4 || xs[3] != ws[3] {
		panic(fmt.Sprintf("op: FrozenConv2D: x %v, w %v, %+v", xs, ws, p))
	}
	out := []int{xs[0], p.Out(xs[1], ws[1]), p.Out(xs[2], ws[2]), ws[0]}
	Shape("FrozenConv2D", "y", y, out...)
	Shape("FrozenConv2D", "residual", residual, out...)
}
