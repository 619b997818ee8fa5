//go:build cuda

package cuda

import (
	"fmt"
	"os"
	"strings"
)

// precision is what the inputs of Conv2D, FrozenConv2D, Linear and PriorSimilarity are
// rounded to in the forward pass. Products are summed in float32 and results stored in
// float32 always; other operators and all gradients compute in float32.
//
//	fp32  not rounded (24 bits); relative error of an input 0
//	tf32  11 bits, at most 2⁻¹¹; tensor cores
//	bf16  8 bits, at most 2⁻⁸; tensor cores, twice as fast again
//
// A result Σ a·b is off by at most Σ|a|·|b| times about twice that; a convolution by cuDNN in
// bf16 by 2⁻⁸ of the result more, as cuDNN hands it over in bf16. PyTorch:
// torch.backends.cuda.matmul.allow_tf32, and torch.autocast for bf16.
type precision int

const (
	fp32 precision = iota
	tf32
	bf16
)

var precisionNames = [...]string{"fp32", "tf32", "bf16"}

func (p precision) String() string { return precisionNames[p] }

const precisionVariable = "HDMNET_CUDA_PRECISION"

// precisionFromEnvironment reads HDMNET_CUDA_PRECISION; unset or empty is fp32.
func precisionFromEnvironment() (precision, error) {
	v := os.Getenv(precisionVariable)
	for p, name := range precisionNames {
		if v == name || v == "" {
			return precision(p), nil
		}
	}
	return 0, fmt.Errorf("%s=%q is no precision: set it to one of %s, or unset it for fp32", precisionVariable, v, strings.Join(precisionNames[:], ", "))
}
