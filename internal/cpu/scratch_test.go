package cpu

import (
	"testing"
	"unsafe"
)

func TestScratchIsAlignedAndReused(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 17, 1000, 1024, 1025} {
		a := takeScratch(n)
		if len(a) != n {
			t.Fatalf("takeScratch(%d) has %d elements", n, len(a))
		}
		if p := uintptr(unsafe.Pointer(unsafe.SliceData(a))); p%64 != 0 {
			t.Errorf("takeScratch(%d) lies at %#x, want a multiple of 64", n, p)
		}
		b := takeScratch(n)
		if n > 0 && &a[0] == &b[0] {
			t.Fatalf("takeScratch(%d) gave the same memory twice", n)
		}
		freeScratch(a)
		freeScratch(b)
		if got := testing.AllocsPerRun(10, func() { freeScratch(takeScratch(n)) }); got != 0 {
			t.Errorf("takeScratch(%d) allocates %v times once warm", n, got)
		}
	}
}

func TestScratchGoesBack(t *testing.T) {
	use := func() {
		var w scratch
		defer w.free()
		a, b, i := w.zeros(100), w.floats(5), w.ints(70)
		for _, x := range a {
			if x != 0 {
				t.Fatalf("zeros holds %g", x)
			}
		}
		for j := range a {
			a[j] = 1
		}
		for j := range i {
			i[j] = int32(j)
		}
		b[4] = 2
		if a[99] != 1 || len(b) != 5 || len(i) != 70 {
			t.Fatalf("overlapping or short memory: %g, %d, %d", a[99], len(b), len(i))
		}
	}
	use()
	if got := testing.AllocsPerRun(10, use); got != 0 {
		t.Errorf("%v allocations once warm", got)
	}
}
