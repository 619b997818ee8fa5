package cpu

import (
	"sync"
	"unsafe"
)

// kBlockMax bounds the depth of one pass over the inner dimension, so that a
// panel of B (kBlockMax × nr) stays in the first-level cache.
const kBlockMax = 256

// kBlockSize returns the depth of a pass for an inner dimension k: equal
// passes, at most kBlockMax deep. It depends on k alone, for it decides the
// order of summation.
func kBlockSize(k int) int {
	passes := max(1, (k+kBlockMax-1)/kBlockMax)
	return (k + passes - 1) / passes
}

// kStride is the distance of two rows in a packed panel of A that is kc deep:
// an odd number of cache lines, so that the rows fall in different sets.
func kStride(kc int) int { return (kc+15)&^15 | 16 }

// aSource delivers op(A) of a product block by block.
type aSource interface {
	// packA writes A[m0:m1, k0:k1] to dst as panels of mr rows and returns the
	// distances of rows and of k steps in a panel. Panel p starts at
	// dst[p·mr·kStride(k1−k0)]. With ks = 1 row m1 and after are not written.
	packA(dst []float32, mr, m0, m1, k0, k1 int) (rs, ks int)
}

// bSource delivers op(B) of a product panel by panel.
type bSource interface {
	// packB writes B[k0:k1, n0:n1], at most nr columns, to dst[(k−k0)·nr + n−n0]
	// and zeros in the columns from n1 on.
	packB(dst []float32, nr, n0, n1, k0, k1 int)
}

// matrix is a dense row-major operand; element (i,j) is data[i·ld + j], or
// data[j·ld + i] if transposed.
type matrix struct {
	data       []float32
	ld         int
	transposed bool
}

func (a *matrix) packA(dst []float32, mr, m0, m1, k0, k1 int) (rs, ks int) {
	kc := k1 - k0
	stride := kStride(kc)
	if !a.transposed {
		for i := m0; i < m1; i++ {
			copy(dst[(i-m0)*stride:(i-m0)*stride+kc], a.data[i*a.ld+k0:])
		}
		return stride, 1
	}
	for i := m0; i < m1; i += mr {
		packRows(dst[(i-m0)*stride:], mr, a.data[k0*a.ld+i:], a.ld, kc, min(mr, m1-i))
	}
	return 1, mr
}

func (b *matrix) packB(dst []float32, nr, n0, n1, k0, k1 int) {
	if !b.transposed {
		packRows(dst, nr, b.data[k0*b.ld+n0:], b.ld, k1-k0, n1-n0)
		return
	}
	for j := range n1 - n0 {
		row := b.data[(n0+j)*b.ld+k0 : (n0+j)*b.ld+k1]
		d := dst[j:]
		for k, v := range row {
			d[k*nr] = v
		}
	}
	if n1-n0 < nr {
		clearColumns(dst, nr, n1-n0, k1-k0)
	}
}

// packRows copies the first n of every ld elements of src to the first n of
// every width elements of dst, rows times, and clears the rest of dst.
func packRows(dst []float32, width int, src []float32, ld, rows, n int) {
	switch {
	case n == width && width == 32:
		for k := range rows {
			*(*[32]float32)(dst[k*32:]) = *(*[32]float32)(src[k*ld:])
		}
	case n == width && width == 16:
		for k := range rows {
			*(*[16]float32)(dst[k*16:]) = *(*[16]float32)(src[k*ld:])
		}
	case n == width && width == 14:
		for k := range rows {
			*(*[14]float32)(dst[k*14:]) = *(*[14]float32)(src[k*ld:])
		}
	default:
		for k := range rows {
			copy(dst[k*width:k*width+n], src[k*ld:])
		}
		if n < width {
			clearColumns(dst, width, n, rows)
		}
	}
}

// clearColumns zeroes columns n and after of a panel of rows × width.
func clearColumns(dst []float32, width, n, rows int) {
	for k := range rows {
		clear(dst[k*width+n : (k+1)*width])
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
	b.isa, b.k, b.n0, b.n, b.kBlock = isa, k, n0, n, kBlockSize(k)
	b.data = growAligned(b.data, k*b.panels()*isa.nr)
}

// panels returns the number of column panels.
func (b *packedB) panels() int { return (b.n + b.isa.nr - 1) / b.isa.nr }

// panel returns columns [j·nr, (j+1)·nr) of the pass that begins at row k0.
func (b *packedB) panel(k0, j int) []float32 {
	kc := min(b.kBlock, b.k-k0)
	at := k0*b.panels()*b.isa.nr + j*kc*b.isa.nr
	return b.data[at : at+kc*b.isa.nr]
}

// packPanel fills panel number t, counted over the passes in turn.
func (b *packedB) packPanel(src bSource, t int) {
	k0, j := t/b.panels()*b.kBlock, t%b.panels()
	n := b.n0 + j*b.isa.nr
	src.packB(b.panel(k0, j), b.isa.nr, n, min(n+b.isa.nr, b.n0+b.n), k0, min(k0+b.kBlock, b.k))
}

// newPackedB packs op(B), k × n, for use by many products.
func newPackedB(transposed bool, k, n int, data []float32, ld int) *packedB {
	checkMatrix("B", transposed, k, n, data, ld)
	b := new(packedB)
	b.reset(currentISA(), k, 0, n)
	if k == 0 {
		return b
	}
	src := &matrix{data, ld, transposed}
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
