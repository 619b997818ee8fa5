package op

import (
	"fmt"
	"slices"
	"strings"
)

// Precision is what a device rounds the inputs of products to, in those operators for which
// it pays there: package cuda and package cpu say which. Others stay finer, up to fp32.
// Products are summed in float32, and results are float32.
//
//	fp32    not rounded (24 bits)
//	bf16x3  two terms of 8 bits, a ≈ h + l, of which h·l', l·h' and h·h' are added: a result
//	        Σ a·a' is off by at most 2⁻¹⁵·Σ|a|·|a'|
//	tf32    11 bits: relative error of an input at most 2⁻¹¹
//	bf16    8 bits: at most 2⁻⁸; or halves, 11 bits up to 65504, where inputs lie in memory so (Half)
//
// In tf32 and bf16 a result Σ a·b is off by at most Σ|a|·|b| times about twice that. PyTorch:
// torch.backends.cuda.matmul.allow_tf32 for tf32, torch.autocast for bf16.
type Precision int

// The precisions, from the finest to the fastest. The zero value is FP32.
const (
	FP32 Precision = iota
	BF16X3
	TF32
	BF16
)

var precisionNames = [...]string{"fp32", "bf16x3", "tf32", "bf16"}

// String returns the name that ParsePrecision takes.
func (p Precision) String() string { return precisionNames[p] }

// PrecisionNames are the names of all precisions, from the finest to the fastest.
func PrecisionNames() []string { return precisionNames[:] }

// ParsePrecision returns the precision of a name; the error of another name says which
// there are.
func ParsePrecision(name string) (Precision, error) {
	i := slices.Index(precisionNames[:], name)
	if i < 0 {
		return 0, fmt.Errorf("precision %q: expected one of %s", name, strings.Join(precisionNames[:], ", "))
	}
	return Precision(i), nil
}
