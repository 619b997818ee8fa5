//go:build cuda

package cuda

import (
	"unsafe"

	"hdmnet/internal/op"
)

// lateSums are the second steps of sums over many rows (partial_sums.go) into the gradients
// of parameters. Nobody reads these before the backward pass is over, so the sums wait and go
// in few launches. What waits keeps its scratch memory.
type lateSums struct {
	lo, hi  pointer // the gradients; 0: nothing waits
	waiting []partialSum
	scratch []pointer // to be given back after
}

// partialSum is PartialSum of kernels/partial_sums.cu: out[i] += Σ partial[chunk, i].
type partialSum struct {
	out, partial pointer
	n, chunks    int32
}

// partialSumList is PartialSumList; its length is what a kernel's parameters have room for.
type partialSumList struct {
	count, _ int32
	sums     [160]partialSum
}

// AddLate calls f and makes what it adds to t in few launches.
func (d *Device) AddLate(t op.Tensor, f func()) {
	d.late.lo = address(t)
	d.late.hi = d.late.lo + pointer(bytesOf(t))
	defer func() {
		d.startLateSums()
		d.late.lo, d.late.hi = 0, 0
	}()
	f()
}

// later takes a sum that may wait.
func (d *Device) later(s partialSum) bool {
	l := &d.late
	if s.out < l.lo || s.out >= l.hi {
		return false
	}
	end := s.out + pointer(4*s.n)
	for _, w := range l.waiting { // sums of one launch have no order
		if s.out < w.out+pointer(4*w.n) && w.out < end {
			d.startLateSums()
			break
		}
	}
	if len(l.waiting) == len(partialSumList{}.sums) {
		d.startLateSums()
	}
	l.waiting = append(l.waiting, s)
	return true
}

// keep takes scratch memory that a waiting sum still needs.
func (l *lateSums) keep(p pointer, bytes int64) bool {
	for _, w := range l.waiting {
		if w.partial >= p && w.partial < p+pointer(bytes) {
			l.scratch = append(l.scratch, p)
			return true
		}
	}
	return false
}

// startLateSums queues what waits.
func (d *Device) startLateSums() {
	l := &d.late
	if len(l.waiting) > 0 {
		var list partialSumList
		list.count = int32(copy(list.sums[:], l.waiting))
		most := int32(0)
		for _, s := range l.waiting {
			most = max(most, s.n)
		}
		l.waiting = l.waiting[:0]
		d.launch("add_partials_list", grid2(min(ceil(int(most), 256), 64), int(list.count), 256), &list)
	}
	for _, p := range l.scratch {
		d.must(d.release(uintptr(p)))
	}
	l.scratch = l.scratch[:0]
}

// The list is a parameter, of which a kernel has 4 KiB.
var _ [4096 - unsafe.Sizeof(partialSumList{})]byte
