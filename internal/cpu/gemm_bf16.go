package cpu

import (
	"errors"
	"fmt"

	"hdmnet/internal/op"
)

// Products in bf16 are products of pairs: an element of A and of B is two values that follow
// each other along the inner dimension, in bf16, in the four bytes of a float32 that nothing
// computes with. The tile adds both products of a pair to the float32 sum, and everything
// around it, blocking and packing, works as for float32 with another depth.
//
// In bf16 a value is rounded, and the depth is half. In bf16x3 a value is two terms, x ≈ h + l,
// and of a product (h + l)·(h' + l') three are computed, h·l' + l·h' + h·h', as one sum that is
// three times as deep: A holds h, l, h where B holds l, h, h. See bf16_terms.go.
//
// Values are rounded to nearest, ties to even; subnormal ones count as 0. In bf16x3 an
// infinite value gives NaN, for its l is ∞ − ∞.

// inPairs returns the instruction set whose tiles multiply pairs of bf16, as a bf16Terms
// makes them.
func (isa *instructionSet) inPairs(p op.Precision, s *bf16Terms, tile, halfTile tileFunc) *instructionSet {
	pairs := *isa
	pairs.name, pairs.terms, pairs.tile, pairs.halfTile = isa.name+" in "+p.String(), s, tile, halfTile
	return &pairs
}

// pairISA returns the instruction set of products in a precision of pairs, or says why there
// is none.
func pairISA(p op.Precision) (*instructionSet, error) {
	isa, err := activeISA()
	if err != nil {
		return nil, err
	}
	if pairs := isa.pairs[p]; pairs != nil {
		return pairs, nil
	}
	for _, other := range instructionSets {
		if other.usable && other.pairs[p] != nil {
			return nil, fmt.Errorf("HDMNET_CPU=%s has no %v: unset it, or choose fp32", isa.name, p)
		}
	}
	return nil, fmt.Errorf("this processor has no %v, it lacks AVX512_BF16: choose fp32", p)
}

// isaOf returns the instruction set of products in p, in which a device was opened.
func isaOf(p op.Precision) *instructionSet {
	if p == op.FP32 {
		return currentISA()
	}
	isa, err := pairISA(p)
	if err != nil {
		panic(err)
	}
	return isa
}

// errNoTF32 is what the CPU answers to the one precision that no processor has.
var errNoTF32 = errors.New("the CPU has no tf32, which GPUs have: choose fp32")
