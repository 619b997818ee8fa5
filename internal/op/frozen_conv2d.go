package op

import (
	"fmt"
	"slices"
)

// FrozenConv is a convolution whose weights no longer change, in the form in which its
// device computes it fastest.
type FrozenConv interface {
	// Shape is that of the weights, [Co,KH,KW,Ci].
	Shape() []int
	// Params is the geometry; its ReLU means nothing.
	Params() ConvParams
	// ReadsHalves tells that x may hold halves, with the result of float32: the convolution
	// rounds what it reads to the device's halves.
	ReadsHalves() bool
	// Close gives the memory back.
	Close() error
}

// FrozenConv2D is Conv2D for weights that no longer change: a device packs, transforms or
// rounds them once. It has no gradient.
type FrozenConv2D interface {
	// FreezeConv2D prepares a convolution with weights w [Co,KH,KW,Ci] and bias [Co] or nil,
	// which it copies. Its error is that of memory that cannot be had.
	FreezeConv2D(w, bias []float32, shape []int, p ConvParams) (FrozenConv, error)
	// FrozenConv2D computes y as Conv2D does, and then the activation; residual may be nil.
	// Each of y, x and residual may hold halves on a device with HalfMaps, y not with GELU.
	// Elsewhere x may where c reads halves, and y, rounded, where there is no residual.
	FrozenConv2D(y, x Tensor, c FrozenConv, residual Tensor, activation Activation)
}

// CheckFreezeConv2D panics unless the weights have the sizes of shape.
func CheckFreezeConv2D(w, bias []float32, shape []int, p ConvParams) {
	const name = "FreezeConv2D"
	if len(shape) != 4 || len(w) != elements(shape) {
		panic(fmt.Sprintf("op: %s: w has %d elements for shape %v, want [Co,KH,KW,Ci]", name, len(w), slices.Clone(shape)))
	}
	if bias != nil && len(bias) != shape[0] {
		panic(fmt.Sprintf("op: %s: bias has %d elements, want %d", name, len(bias), shape[0]))
	}
	p.check(name)
}

// CheckFrozenConv2D panics unless the operands fit the contract.
func CheckFrozenConv2D(y, x Tensor, c FrozenConv, residual Tensor, activation Activation) {
	const name = "FrozenConv2D"
	ws := c.Shape()
	frozenShaped(name, "x", x, -1, -1, -1, ws[3])
	p, xs := c.Params(), x.Shape()
	p.check(name)
	activation.check(name, ws[1], ws[2])
	frozenShaped(name, "y", y, xs[0], p.Out(xs[1], ws[1]), p.Out(xs[2], ws[2]), ws[0])
	if residual != nil {
		frozenShaped(name, "residual", residual, y.Shape()...)
	}
}
