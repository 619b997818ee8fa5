package op

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
	// MaxPool computes y and argmax.
	MaxPool(y, argmax, x Tensor, p PoolParams)
	// MaxPoolGrad adds every dy to dx at its winner.
	MaxPoolGrad(dx, dy, argmax Tensor)
}
