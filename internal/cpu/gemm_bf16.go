package cpu

import (
	"errors"
	"fmt"
)

// Products in bf16 are products of pairs: an element of A and of B is two values that follow
// each other along the inner dimension, rounded to bf16, in the four bytes of a float32 that
// nothing computes with. The tile adds both products of a pair to the float32 sum, and
// everything around it, blocking and packing, works as for float32 with half the depth.
//
// Values are rounded to nearest, ties to even; subnormal ones count as 0. A is rounded while
// a task packs its rows, the image of a convolution that reads it several times once as a
// whole, and so is B: once and for all, if its weights are frozen.

// roundRowsFunc rounds n > 0 float32 of each of rows > 0 rows of src, ld elements apart, to
// pairs of bf16, the first value of a pair in the low half: row i is ⌈n/2⌉ elements from
// dst[i·width] on. Of an odd n the last pair's second value is 0.
type roundRowsFunc func(dst *float32, width int, src *float32, ld, rows, n int)

// inPairs returns the instruction set whose tiles multiply pairs of bf16.
func (isa *instructionSet) inPairs(tile, halfTile tileFunc, roundRows roundRowsFunc) *instructionSet {
	pairs := *isa
	pairs.name, pairs.tile, pairs.halfTile, pairs.roundRows = isa.name+" in bf16", tile, halfTile, roundRows
	return &pairs
}

// bf16ISA returns the instruction set of products in bf16, or says why there is none.
func bf16ISA() (*instructionSet, error) {
	isa, err := activeISA()
	if err != nil {
		return nil, err
	}
	if isa.bf16 != nil {
		return isa.bf16, nil
	}
	for _, other := range instructionSets {
		if other.usable && other.bf16 != nil {
			return nil, fmt.Errorf("HDMNET_CPU=%s has no bf16: unset it, or choose fp32", isa.name)
		}
	}
	return nil, errors.New("this processor has no bf16, it lacks AVX512_BF16: choose fp32")
}

// currentBF16 is bf16ISA where a device was opened in bf16.
func currentBF16() *instructionSet {
	isa, err := bf16ISA()
	if err != nil {
		panic(err)
	}
	return isa
}

// pairsOf is the number of pairs that k values make.
func pairsOf(k int) int { return (k + 1) / 2 }

// roundedOperands are the operands of one product in bf16.
type roundedOperands struct {
	a     roundedA
	b     matrix
	pairs []float32 // b's
}

var roundedFree freeList[roundedOperands]

// runBF16 is run with the inputs rounded to bf16. A is p.denseA, or p.patches of an image
// that is rounded already. B is p.denseB, transposed and without gaps, or p.packed, which
// packWeightsBF16 made.
func (p *product) runBF16() {
	o := roundedFree.get()
	p.isa = currentBF16()
	if p.a == &p.denseA {
		o.a = roundedA{p.denseA, p.k}
		p.a = &o.a
	}
	if p.packed == nil {
		o.pairs = growAligned(o.pairs, p.n*pairsOf(p.k))
		roundMatrix(p.isa, o.pairs, p.denseB.data, p.n, p.k)
		o.b = matrix{o.pairs, pairsOf(p.k), true}
		p.b = &o.b
	}
	p.k = pairsOf(p.k)
	p.run()
	o.a, o.b = roundedA{}, matrix{}
	roundedFree.put(o)
}

// gemmBF16 computes C = A·Bᵀ with the inputs rounded to bf16; a is m rows of k elements, b
// is n rows of k, c is m rows of n.
func gemmBF16(m, n, k int, a, b, c []float32) {
	checkMatrix("A", false, m, k, a, k)
	checkMatrix("B", true, k, n, b, k)
	p := newProduct(m, n, k, c, n, false, epilogue{})
	p.denseA, p.denseB = matrix{a, k, false}, matrix{b, k, true}
	p.a = &p.denseA
	p.runBF16()
}

// roundMatrix rounds x, n rows of k elements, to n rows of pairs.
func roundMatrix(isa *instructionSet, pairs, x []float32, n, k int) {
	if k > 0 {
		roundLoop.run(n, rowGrain(k), roundArgs{isa, pairs, x, k})
	}
}

type roundArgs struct {
	isa      *instructionSet
	pairs, x []float32
	k        int
}

var roundLoop = newLoop(func(a *roundArgs, lo, hi int) {
	a.isa.roundRows(&a.pairs[lo*pairsOf(a.k)], pairsOf(a.k), &a.x[lo*a.k], a.k, hi-lo, a.k)
})

// packWeightsBF16 packs the transpose of w [n,k], rounded, for use by many products.
func packWeightsBF16(w []float32, n, k int) *packedB {
	checkMatrix("B", true, k, n, w, k)
	isa := currentBF16()
	pairs := takeScratch(n * pairsOf(k))
	defer freeScratch(pairs)
	roundMatrix(isa, pairs, w, n, k)
	return packRows(isa, pairs, n, pairsOf(k))
}

// roundedA is a dense operand A that is rounded to pairs while it is packed.
type roundedA struct {
	matrix     // not transposed
	k      int // its inner dimension, in values
}

func (a *roundedA) packA(isa *instructionSet, dst []float32, m0, m1, k0, k1 int) (rs, ks int) {
	stride, first, last := kStride(k1-k0), 2*k0, min(2*k1, a.k)
	if first < last {
		isa.roundRows(&dst[0], stride, &a.data[m0*a.ld+first], a.ld, m1-m0, last-first)
	}
	return stride, 1
}
