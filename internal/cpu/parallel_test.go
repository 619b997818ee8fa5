package cpu

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// withProcs runs f under another GOMAXPROCS.
func withProcs(procs int, f func()) {
	old := runtime.GOMAXPROCS(procs)
	defer runtime.GOMAXPROCS(old)
	f()
}

func TestParallelForCoversOnceInFixedChunks(t *testing.T) {
	for _, procs := range []int{1, 2, 5} {
		for _, n := range []int{0, 1, 7, 64, 1001} {
			for _, grain := range []int{0, 1, 3, 64, 2000} {
				withProcs(procs, func() {
					seen := make([]atomic.Int32, n)
					parallelFor(n, grain, func(lo, hi int) {
						g := max(grain, 1)
						if lo%g != 0 || hi != min(lo+g, n) {
							t.Errorf("n=%d grain=%d: chunk [%d,%d)", n, grain, lo, hi)
						}
						for i := lo; i < hi; i++ {
							seen[i].Add(1)
						}
					})
					for i := range seen {
						if got := seen[i].Load(); got != 1 {
							t.Fatalf("procs=%d n=%d grain=%d: index %d ran %d times", procs, n, grain, i, got)
						}
					}
				})
			}
		}
	}
}

func TestParallelForNested(t *testing.T) {
	withProcs(4, func() {
		var total atomic.Int64
		parallelFor(20, 1, func(lo, hi int) {
			parallelFor(30, 7, func(lo, hi int) { total.Add(int64(hi - lo)) })
		})
		if got := total.Load(); got != 600 {
			t.Fatalf("nested loops ran %d bodies, want 600", got)
		}
	})
}

func TestParallelForSurvivesPanic(t *testing.T) {
	withProcs(2, func() {
		for bad := range 40 {
			func() {
				defer func() {
					if got := recover(); got != bad {
						t.Errorf("caller recovered %v, want the body's panic %d", got, bad)
					}
				}()
				parallelFor(40, 1, func(lo, hi int) {
					if lo == bad {
						panic(bad)
					}
				})
			}()
			var total atomic.Int64
			parallelFor(100, 1, func(lo, hi int) { total.Add(1) })
			if got := total.Load(); got != 100 {
				t.Fatalf("after a panic the loop ran %d bodies, want 100", got)
			}
		}
	})
}

func TestParallelForDoesNotAllocate(t *testing.T) {
	x := make([]float32, 1<<12)
	body := func(lo, hi int) {
		for i := lo; i < hi; i++ {
			x[i]++
		}
	}
	withProcs(2, func() {
		if got := testing.AllocsPerRun(50, func() { parallelFor(len(x), 64, body) }); got != 0 {
			t.Fatalf("%v allocations per loop, want 0", got)
		}
	})
}

func BenchmarkParallelForOverhead(b *testing.B) {
	body := func(lo, hi int) {}
	for b.Loop() {
		parallelFor(8, 1, body)
	}
}
