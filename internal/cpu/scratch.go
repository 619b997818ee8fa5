package cpu

import (
	"fmt"
	"math/bits"
	"sync"
	"unsafe"
)

// scratch is all the work memory of one function: `var w scratch; defer w.free()`.
type scratch struct {
	held [24][]float32
	n    int
}

// floats returns n floats with undefined contents.
func (w *scratch) floats(n int) []float32 {
	s := takeScratch(n)
	w.held[w.n] = s
	w.n++
	return s[:n:n]
}

// zeros returns n floats of 0.
func (w *scratch) zeros(n int) []float32 {
	s := w.floats(n)
	clear(s)
	return s
}

// ints returns n integers with undefined contents.
func (w *scratch) ints(n int) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(w.floats(n)))), n)
}

// free gives everything back.
func (w *scratch) free() {
	for _, s := range w.held[:w.n] {
		freeScratch(s)
	}
	w.n = 0
}

// scratchPool keeps work memory between calls, in size classes of powers of two: once
// warm, takeScratch allocates nothing.
var scratchPool struct {
	sync.Mutex
	idle [48][][]float32
}

// takeScratch returns n floats with undefined contents, aligned to 64 bytes. They go back
// with freeScratch; any goroutine may call either.
func takeScratch(n int) []float32 {
	class := bits.Len(uint(max(n, 16) - 1))
	scratchPool.Lock()
	list := scratchPool.idle[class]
	if len(list) > 0 {
		s := list[len(list)-1]
		scratchPool.idle[class] = list[:len(list)-1]
		scratchPool.Unlock()
		return s[:n]
	}
	scratchPool.Unlock()
	if err := room(4 << class); err != nil {
		panic(fmt.Errorf("work memory of an operator: %w; use a smaller batch or input size", err))
	}
	raw := make([]float32, 1<<class+16)
	skip := (-uintptr(unsafe.Pointer(unsafe.SliceData(raw))) & 63) / 4
	return raw[skip : skip+uintptr(n) : skip+1<<class]
}

// freeScratch returns memory that takeScratch gave, from its first element; it must not
// be used after.
func freeScratch(s []float32) {
	class := bits.Len(uint(cap(s) - 1))
	scratchPool.Lock()
	scratchPool.idle[class] = append(scratchPool.idle[class], s)
	scratchPool.Unlock()
}

// takeScratchOf is takeScratch for elements of F.
func takeScratchOf[F float32 | float64](n int) []F {
	size := int(unsafe.Sizeof(F(0))) / 4
	s := takeScratch(size * n)
	return unsafe.Slice((*F)(unsafe.Pointer(unsafe.SliceData(s))), cap(s)/size)[:n]
}

// freeScratchOf returns what takeScratchOf gave.
func freeScratchOf[F float32 | float64](s []F) {
	size := int(unsafe.Sizeof(F(0))) / 4
	freeScratch(unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(s))), size*cap(s)))
}
