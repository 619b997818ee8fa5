package cpu

import "unsafe"

// lease is all the work memory of one function: `var w lease; defer w.end()`.
type lease struct {
	held [24][]float32
	n    int
}

// floats returns n floats with undefined contents.
func (l *lease) floats(n int) []float32 {
	s := borrow(n)
	l.held[l.n] = s
	l.n++
	return s[:n:n]
}

// zeros returns n floats of 0.
func (l *lease) zeros(n int) []float32 {
	s := l.floats(n)
	clear(s)
	return s
}

// ints returns n integers with undefined contents.
func (l *lease) ints(n int) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(l.floats(n)))), n)
}

// end gives everything back.
func (l *lease) end() {
	for _, s := range l.held[:l.n] {
		giveBack(s)
	}
	l.n = 0
}
