package cpu

import (
	"math/bits"
	"sync"
	"unsafe"
)

// scratch is a piece of work memory that lives between calls.
type scratch struct {
	v     []float32 // undefined contents, aligned to 64 bytes
	class int
}

// idleScratch holds what is not borrowed, in size classes of powers of two: once warm,
// borrow allocates nothing.
var idleScratch struct {
	sync.Mutex
	list [48][]*scratch
}

// borrow returns n floats with undefined contents. Any goroutine may borrow and release.
func borrow(n int) *scratch {
	class := bits.Len(uint(max(n, 16) - 1))
	idleScratch.Lock()
	list := idleScratch.list[class]
	var s *scratch
	if len(list) > 0 {
		s = list[len(list)-1]
		idleScratch.list[class] = list[:len(list)-1]
	}
	idleScratch.Unlock()
	if s == nil {
		raw := make([]float32, 1<<class+16)
		skip := (-uintptr(unsafe.Pointer(unsafe.SliceData(raw))) & 63) / 4
		s = &scratch{v: raw[skip:], class: class}
	}
	s.v = s.v[:n]
	return s
}

// borrowZeros returns n floats of 0.
func borrowZeros(n int) *scratch {
	s := borrow(n)
	clear(s.v)
	return s
}

// release gives the memory back; it must not be used after.
func (s *scratch) release() {
	idleScratch.Lock()
	idleScratch.list[s.class] = append(idleScratch.list[s.class], s)
	idleScratch.Unlock()
}
