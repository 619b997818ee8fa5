//go:build cuda

package cuda

import "hdmnet/internal/op"

// precision is the op.Precision that the device was opened in, with what the kernels make
// of it: tf32 and bf16 multiply on tensor cores, bf16 twice as fast as tf32. Both round the
// inputs of Linear, Conv2D, FrozenConv2D and their gradients as layer says, of
// SelfAttention, MaskedCorrelation, their gradients and Gram as similarity says, and of
// PriorSimilarity. In bf16 FrozenConv2D takes halves instead (half_conv.go). A convolution by cuDNN in bf16 is off by 2⁻⁸ of the result more, as cuDNN
// hands it over in bf16.
type precision op.Precision

const (
	fp32 = precision(op.FP32)
	tf32 = precision(op.TF32)
	bf16 = precision(op.BF16)
)

func (p precision) String() string { return op.Precision(p).String() }

// narrow is the most channels, of input or output, with which a convolution counts as narrow.
const narrow = 128

// layer returns the precision of a convolution with that many taps, and of Linear with one,
// and of its gradients. In bf16 that is bf16 only where it pays: for kernels of more than one
// tap from and to more than 128 channels, which are over half of the network's products.
// Linear, 1×1 convolutions and narrow ones, the first and the last layers among them, do few
// products for each value that they read and write; tf32 costs them little, and rounding
// eight times as fine halves what bf16 takes the outputs by.
func (p precision) layer(taps, ci, co int) precision {
	if p == bf16 && (taps == 1 || min(ci, co) <= narrow) {
		return tf32
	}
	return p
}

// similarity returns the precision of attention, correlation and Gram matrices. A score of
// MaskedCorrelation, ten times a cosine, would be off by up to 0.08 in bf16, and e to it by 8%;
// what counts of Gram are small differences of cosines. SelfAttention's heads are narrow.
func (p precision) similarity() precision {
	if p == bf16 {
		return tf32
	}
	return p
}
