package cpu

import (
	"math/bits"
	"sync"
	"unsafe"
)

// scratch keeps the operators' work memory between calls, in size classes of powers of
// two: once warm, borrow allocates nothing.
var scratch struct {
	sync.Mutex
	idle [48][][]float32
}

// borrow returns n floats with undefined contents, aligned to 64 bytes. It goes back
// with giveBack; any goroutine may call either.
func borrow(n int) []float32 {
	class := bits.Len(uint(max(n, 16) - 1))
	scratch.Lock()
	list := scratch.idle[class]
	if len(list) > 0 {
		s := list[len(list)-1]
		scratch.idle[class] = list[:len(list)-1]
		scratch.Unlock()
		return s[:n]
	}
	scratch.Unlock()
	raw := make([]float32, 1<<class+16)
	skip := (-uintptr(unsafe.Pointer(unsafe.SliceData(raw))) & 63) / 4
	return raw[skip : skip+uintptr(n) : skip+1<<class]
}

// giveBack returns memory that borrow gave, from its first element; it must not be used
// after.
func giveBack(s []float32) {
	class := bits.Len(uint(cap(s) - 1))
	scratch.Lock()
	scratch.idle[class] = append(scratch.idle[class], s)
	scratch.Unlock()
}
