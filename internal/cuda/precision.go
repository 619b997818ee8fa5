//go:build cuda

package cuda

import "hdmnet/internal/op"

// precision is the op.Precision that the device was opened in, with what the kernels make
// of it: tf32 and bf16 multiply on tensor cores, bf16 twice as fast as tf32. A convolution
// by cuDNN in bf16 is off by 2⁻⁸ of the result more, as cuDNN hands it over in bf16.
type precision op.Precision

const (
	fp32 = precision(op.FP32)
	tf32 = precision(op.TF32)
	bf16 = precision(op.BF16)
)

func (p precision) String() string { return op.Precision(p).String() }
