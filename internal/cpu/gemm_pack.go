package cpu

import (
	"sync"
	"unsafe"

	"hdmnet/internal/op"
)

// kBlockMax bounds the depth of one pass over the inner dimension, so that a
// panel of B (kBlockMax × nr) stays in the first-level cache.
const kBlockMax = 256

// packStrip is how many rows of a matrix are spread over all panels before the
// next ones, so that a row's neighboring cache lines are read together.
const packStrip = 16

// kBlockSize returns the depth of a pass for an inner dimension k: equal
// passes, at most kBlockMax deep, that hold whole groups and fill whole steps.
// It depends on k alone, for it decides the order of summation.
func (isa *instructionSet) kBlockSize(k int) int {
	unit := isa.step
	if isa.terms != nil {
		unit = max(unit, isa.terms.whole())
	}
	most := kBlockMax / unit * unit
	passes := max(1, (k+most-1)/most)
	return roundUp((k+passes-1)/passes, unit)
}

// kStride is the distance of two rows in a packed panel of A that is kc deep:
// an odd number of cache lines, so that the rows fall in different sets.
func kStride(kc int) int { return (kc+15)&^15 | 16 }

// aSource delivers op(A) of a product block by block.
type aSource interface {
	// packA writes A[m0:m1, k0:k1] to dst as panels of isa.mr rows and returns the
	// distances of rows and of k steps in a panel. Panel p starts at
	// dst[p·isa.mr·kStride(k1−k0)]. With ks = 1 row m1 and after are not written.
	packA(isa *instructionSet, dst []float32, m0, m1, k0, k1 int) (rs, ks int)
}

// bSource delivers op(B) of a product panel by panel.
type bSource interface {
	// packB writes B[k0:k1, n0:n1], at most isa.nr columns, to dst[(k−k0)·isa.nr + n−n0]
	// and zeros in the columns from n1 on.
	packB(isa *instructionSet, dst []float32, n0, n1, k0, k1 int)
}

// matrix is a dense row-major operand; element (i,j) is data[i·ld + j], or
// data[j·ld + i] if transposed.
type matrix struct {
	data       []float32
	ld         int
	transposed bool
}

func (a *matrix) packA(isa *instructionSet, dst []float32, m0, m1, k0, k1 int) (rs, ks int) {
	kc := k1 - k0
	stride := kStride(kc)
	if !a.transposed {
		for i := m0; i < m1; i++ {
			copy(dst[(i-m0)*stride:(i-m0)*stride+kc], a.data[i*a.ld+k0:])
		}
		return stride, 1
	}
	if isa.column != nil { // tiles are loaded by rows
		isa.transposeRows(dst, stride, a.data[k0*a.ld+m0:], a.ld, m1-m0, kc)
		return stride, 1
	}
	for k := 0; k < kc; k += packStrip {
		rows := min(packStrip, kc-k)
		for i := m0; i < m1; i += isa.mr {
			isa.copyPanel(dst[(i-m0)*stride+k*isa.mr:], isa.mr, a.data[(k0+k)*a.ld+i:], a.ld, rows, min(isa.mr, m1-i), isa.mr)
		}
	}
	return 1, isa.mr
}

func (b *matrix) packB(isa *instructionSet, dst []float32, n0, n1, k0, k1 int) {
	if b.transposed {
		isa.transposePanel(dst, b.data[n0*b.ld+k0:], b.ld, n1-n0, k1-k0)
	} else {
		isa.copyPanel(dst, isa.nr, b.data[k0*b.ld+n0:], b.ld, k1-k0, n1-n0, isa.nr)
	}
}

// packedB is a whole operand B, k × n, in the order in which the micro-kernel
// reads it. Weights that do not change are packed once.
type packedB struct {
	isa    *instructionSet
	k      int
	n0, n  int // columns n0 ≤ j < n0+n of the operand
	kBlock int
	data   []float32
}

// reset gives b its shape and room for it.
func (b *packedB) reset(isa *instructionSet, k, n0, n int) {
	b.isa, b.k, b.n0, b.n, b.kBlock = isa, k, n0, n, isa.kBlockSize(k)
	b.data = growAligned(b.data, roundUp(k, isa.step)*b.panels()*isa.nr)
}

// bytes is the memory of the panels.
func (b *packedB) bytes() int64 { return int64(len(b.data)) * 4 }

// panels returns the number of column panels.
func (b *packedB) panels() int { return (b.n + b.isa.nr - 1) / b.isa.nr }

// panelsFrom returns the panels of columns j·nr and after of the pass that begins at row k0, each
// with rows of 0 to a whole step.
func (b *packedB) panelsFrom(k0, j int) []float32 {
	kc := roundUp(min(b.kBlock, b.k-k0), b.isa.step)
	return b.data[(k0*b.panels()+j*kc)*b.isa.nr : (k0+kc)*b.panels()*b.isa.nr]
}

// packPanel fills panel number t, counted over the passes in turn.
func (b *packedB) packPanel(src bSource, t int) {
	k0, j := t/b.panels()*b.kBlock, t%b.panels()
	n := b.n0 + j*b.isa.nr
	end := min(k0+b.kBlock, b.k)
	panel := b.panelsFrom(k0, j)[:roundUp(end-k0, b.isa.step)*b.isa.nr]
	src.packB(b.isa, panel, n, min(n+b.isa.nr, b.n0+b.n), k0, end)
	clear(panel[(end-k0)*b.isa.nr:])
}

// packWeights packs the transpose of w, n rows of some vectors of values, for use by many
// products in a precision: of patches of an image with that many channels, or of dense rows
// of one vector.
func packWeights(in op.Precision, w []float32, n, vectors, values int) *packedB {
	isa, k := isaOf(in), vectors*values
	checkMatrix("B", true, k, n, w, k)
	if s := isa.terms; s != nil {
		pairs := pairing{isa: isa, terms: s.b, src: w, ld: values, rows: n * vectors, n: values}.alongRows()
		defer freeScratch(pairs)
		w, k = pairs, vectors*s.depth(values)
	}
	b := new(packedB)
	b.reset(isa, k, 0, n)
	src := &matrix{w, k, true}
	parallelFor(b.panels()*((k+b.kBlock-1)/b.kBlock), 2, func(lo, hi int) {
		for t := lo; t < hi; t++ {
			b.packPanel(src, t)
		}
	})
	return b
}

// growAligned returns n elements that begin on a cache line, in the memory of
// buf if it has room. The contents are arbitrary.
func growAligned(buf []float32, n int) []float32 {
	if n <= cap(buf) {
		return buf[:n]
	}
	raw := make([]float32, n+15)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(raw)))&63) / 4
	return raw[skip : skip+n : skip+n]
}

// freeList keeps objects with their buffers for the next user.
type freeList[T any] struct {
	mu    sync.Mutex
	items []*T
}

// get returns a kept object, or a new zero one.
func (l *freeList[T]) get() *T {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last := len(l.items) - 1; last >= 0 {
		item := l.items[last]
		l.items = l.items[:last]
		return item
	}
	return new(T)
}

// put keeps item.
func (l *freeList[T]) put(item *T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = append(l.items, item)
}
