package op

import (
	"fmt"

	"gorgonia.org/tensor"
)

// PoolParams are the geometry of a max pool.
type PoolParams struct {
	Kernel, Stride, Pad int
	Ceil                bool // the last window may start inside the input and end outside it
}

// Out returns the output extent for an input extent.
func (p PoolParams) Out(in int) int {
	span := in + 2*p.Pad - p.Kernel
	if !p.Ceil {
		return span/p.Stride + 1
	}
	out := (span+p.Stride-1)/p.Stride + 1
	if (out-1)*p.Stride >= in+p.Pad {
		out--
	}
	return out
}

// MaxPool is the largest value of every window and channel; padding never wins.
//
// x [B,H,W,C]; y [B,Ho,Wo,C]; argmax (int32, as y) holds the winner's flat position
// h·W+w in its sample, the first one on a tie; nil when no gradient is wanted.
// PyTorch: nn.MaxPool2d(kernel, stride, pad, ceil_mode=Ceil).
type MaxPool interface {
	// MaxPool computes y and argmax; y and x may both hold halves.
	MaxPool(y, argmax, x Tensor, p PoolParams)
	// MaxPoolGrad adds every dy to dx at its winner.
	MaxPoolGrad(dx, dy, argmax Tensor)
}

// CheckMaxPool panics unless the operands fit the contract.
func CheckMaxPool(y, argmax, x Tensor, p PoolParams) spatialSizes {
	const name = "MaxPool"
	if p.Kernel < 1 || p.Stride < 1 || p.Pad < 0 || 2*p.Pad > p.Kernel {
		panic(fmt.Sprintf("op: %s: params %+v, want a kernel and a stride of at least 1 and at most half a kernel of padding", name, p))
	}
	s := checkFrozenSpatial(name, "y", y, "x", x)
	frozenShaped(name, "y", y, s.B, p.Out(s.H), p.Out(s.W), s.C)
	if argmax != nil {
		shapedOf(tensor.Int32, name, "argmax", argmax, y.Shape()...)
	}
	return s
}

// CheckMaxPoolGrad is CheckMaxPool for the gradient.
func CheckMaxPoolGrad(dx, dy, argmax Tensor) spatialSizes {
	const name = "MaxPoolGrad"
	s := checkSpatial(name, "dy", dy, "dx", dx)
	shapedOf(tensor.Int32, name, "argmax", argmax, dy.Shape()...)
	return s
}
