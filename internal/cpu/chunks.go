package cpu

import (
	"fmt"
	"unsafe"

	"hdmnet/internal/op"
)

// elementGrain is how many elements of a cheap loop one chunk holds: enough to hide
// the cost of handing it out.
const elementGrain = 1 << 14

// rowGrain is how many rows of c elements make up about elementGrain elements.
func rowGrain(c int) int { return max(1, elementGrain/c) }

// sumChunks sums rows in parallel and returns width sums. f adds rows [lo,hi) to acc,
// which starts as zeros and belongs to the chunk. There are at most 64 chunks of at
// least grain rows, cut by n and grain alone, and they are added in order, in float64:
// the sums do not depend on the number of workers. The caller gives them back.
func sumChunks(n, grain, width int, f func(lo, hi int, acc []float32)) []float32 {
	grain = max(1, grain, (n+63)/64)
	chunks := (n + grain - 1) / grain
	part := borrow(chunks * width)
	parallelFor(n, grain, func(lo, hi int) {
		acc := part[lo/grain*width:][:width]
		clear(acc)
		f(lo, hi, acc)
	})
	sums := borrow(width)
	for j := range sums {
		total := 0.0
		for i := j; i < len(part); i += width {
			total += float64(part[i])
		}
		sums[j] = float32(total)
	}
	giveBack(part)
	return sums
}

// checkRows panics with the operator's name unless t holds one value per row.
func checkRows(operator string, t op.Tensor, rows int) {
	if op.Len(t) != rows {
		panic(fmt.Sprintf("op: %s: %v for %d positions, want one value each", operator, t.Shape(), rows))
	}
}

// sumChunks64 is sumChunks with float64 within the chunks too, for sums whose
// differences matter. The caller gives the sums back with giveBack64.
func sumChunks64(n, grain, width int, f func(lo, hi int, acc []float64)) []float64 {
	grain = max(1, grain, (n+63)/64)
	chunks := (n + grain - 1) / grain
	part := borrow64(chunks * width)
	parallelFor(n, grain, func(lo, hi int) {
		acc := part[lo/grain*width:][:width]
		clear(acc)
		f(lo, hi, acc)
	})
	sums := borrow64(width)
	clear(sums)
	for i := 0; i < len(part); i += width {
		for j, v := range part[i : i+width] {
			sums[j] += v
		}
	}
	giveBack64(part)
	return sums
}

// borrow64 is borrow for n float64.
func borrow64(n int) []float64 {
	s := borrow(2 * n)
	return unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(s))), cap(s)/2)[:n]
}

// giveBack64 returns what borrow64 gave.
func giveBack64(s []float64) {
	giveBack(unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(s))), 2*cap(s)))
}
