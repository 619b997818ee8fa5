package cpu

import (
	"fmt"

	"hdmnet/internal/op"
)

// gemm computes C = relu(op(A)·op(B) + C? + bias? + residual?), row-major, in a precision.
//
// op(A) is m×k: a is m rows of lda elements, or k rows if transA. op(B) is
// k×n: b is k rows of ldb elements, or n rows if transB. c is m rows of ldc
// elements and is added to if accumulate, else overwritten. The epilogue's
// residual is laid out as c.
//
// Every element of C is Σ over passes of (Σ over the pass in order), where the
// passes depend on k alone: the result does not depend on GOMAXPROCS nor, for
// an element, on m and n. The exception is transA without transB, a sum over
// rows as of a weight gradient: a long one is also cut into chunks that depend
// on m, n and k.
func gemm(in op.Precision, transA, transB bool, m, n, k int, a []float32, lda int, b []float32, ldb int,
	accumulate bool, c []float32, ldc int, epi epilogue) {
	p := newProduct(in, m, n, k, c, ldc, accumulate, epi, halves{})
	p.denseA = matrix{a, lda, transA}
	p.denseB = matrix{b, ldb, transB}
	checkMatrix("A", transA, m, k, a, lda)
	checkMatrix("B", transB, k, n, b, ldb)
	p.a, p.b = &p.denseA, &p.denseB
	p.splitK = transA && !transB
	p.privateB = p.splitK // long sums: B as a whole would not stay in the cache
	p.run()
}

// checkMatrix panics unless data holds a rows × cols matrix, or its transpose.
func checkMatrix(name string, transposed bool, rows, cols int, data []float32, ld int) {
	if transposed {
		rows, cols = cols, rows
	}
	if rows > 0 && cols > 0 && (ld < cols || len(data) < (rows-1)*ld+cols) {
		panic(fmt.Sprintf("cpu: gemm: %s has %d elements with rows %d apart, want %d×%d", name, len(data), ld, rows, cols))
	}
}

// colsMax is how many columns of B, packed before, a block of A meets: so few that the block of C
// stays in the second-level cache from pass to pass.
const colsMax = 512

// A split reduction makes about splitTasks tasks; blocks of C that are splitRows ×
// splitColumns count as one.
const (
	splitTasks   = 16
	splitRows    = 224
	splitColumns = 256
)

// product is one matrix product on its way: what to compute and how it is cut
// into tasks. A task is a block of C, over the whole inner dimension or over
// one chunk of it.
type product struct {
	isa        *instructionSet
	m, n, k    int
	c          []float32
	ldc        int
	accumulate bool
	epi        epilogue
	half       halves // A, C in pairs of bf16
	a          aSource
	b          bSource
	packed     *packedB // B as a whole, or nil: every task packs its part of b
	privateB   bool     // b is too large to pack as a whole
	splitK     bool     // the inner dimension may be cut into chunks

	kBlock, kBlocks  int
	n0, nEnd         int // columns of this round of tasks
	mStep, nStep     int
	mTasks, nTasks   int
	chunks           int
	partial          []float32 // chunks × m × n, when chunks > 1
	ownB             packedB
	denseA, denseB   matrix
	patches          gather
	weights          tapWeights
	packBody         func(lo, hi int)
	taskBody, reduce func(lo, hi int)
}

// blockBuffers are what one goroutine needs to compute blocks.
type blockBuffers struct {
	a, b []float32
	c    []float32 // a block of C before it is rounded
	tile []float32 // maxMR × maxNR
}

var (
	products freeList[product]
	buffers  freeList[blockBuffers]
)

// newProduct takes a product in a precision off the list and checks C. C in halves has rows of
// ldc values without gaps.
func newProduct(in op.Precision, m, n, k int, c []float32, ldc int, accumulate bool, epi epilogue, half halves) *product {
	if half.y {
		checkMatrix("C in halves", false, m, n/2, c, ldc/2)
	} else {
		checkMatrix("C", false, m, n, c, ldc)
	}
	if epi.residual != nil {
		checkMatrix("residual", false, m, n, epi.residual, ldc)
	}
	if epi.bias != nil && len(epi.bias) < n {
		panic(fmt.Sprintf("cpu: gemm: bias has %d elements, want %d", len(epi.bias), n))
	}
	p := products.get()
	if p.taskBody == nil {
		p.packBody, p.taskBody, p.reduce = p.packPanels, p.runTasks, p.sumChunks
	}
	p.isa = isaOf(in)
	p.m, p.n, p.k, p.c, p.ldc, p.accumulate, p.epi, p.half = m, n, k, c, ldc, accumulate, epi, half
	return p
}

// run computes the product and gives p back.
func (p *product) run() {
	if p.m > 0 && p.n > 0 {
		if p.isa.terms != nil {
			defer p.toPairs().free()
		}
		p.kBlock = p.isa.kBlockSize(p.k)
		p.kBlocks = 1
		if p.k > 0 {
			p.kBlocks = (p.k + p.kBlock - 1) / p.kBlock
		}
		p.chunks = p.chunkCount()
		if p.chunks > 1 {
			p.partial = growAligned(p.partial, p.chunks*p.m*p.n)
		}
		switch {
		case p.packed != nil:
			if p.packed.isa != p.isa || p.packed.k != p.k || p.packed.n != p.n {
				panic(fmt.Sprintf("cpu: gemm: B is packed as %d×%d for %s, want %d×%d for %s",
					p.packed.k, p.packed.n, p.packed.isa.name, p.k, p.n, p.isa.name))
			}
			p.compute(0, p.n)
		case p.privateB:
			p.compute(0, p.n)
		default:
			p.packAndCompute()
		}
		if p.chunks > 1 {
			parallelFor(p.m, max(1, 4096/p.n), p.reduce)
		}
	}
	p.c, p.epi, p.a, p.b, p.packed = nil, epilogue{}, nil, nil, nil
	p.denseA, p.denseB, p.patches, p.weights = matrix{}, matrix{}, gather{}, tapWeights{}
	p.privateB, p.splitK, p.half = false, false, halves{}
	products.put(p)
}

// packAndCompute packs B as a whole, some columns at a time if it is large.
func (p *product) packAndCompute() {
	fit := machineBlocking()
	cols := max(fit.shared/max(p.k, 1), fit.columns) / p.isa.nr * p.isa.nr
	for n0 := 0; n0 < p.n; n0 += cols {
		p.ownB.reset(p.isa, p.k, n0, min(cols, p.n-n0))
		if p.k > 0 {
			parallelFor(p.kBlocks*p.ownB.panels(), 2, p.packBody)
		}
		p.packed = &p.ownB
		p.compute(n0, n0+p.ownB.n)
	}
}

// packPanels packs panels [lo,hi) of this round's columns.
func (p *product) packPanels(lo, hi int) {
	for t := lo; t < hi; t++ {
		p.ownB.packPanel(p.b, t)
	}
}
