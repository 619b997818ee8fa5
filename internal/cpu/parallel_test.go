package cpu

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
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
					got := recover()
					if p, ok := got.(*helperPanic); ok {
						got = p.value
						if !strings.Contains(p.Error(), "TestParallelForSurvivesPanic") {
							t.Errorf("a helper's panic lost its stack: %v", p)
						}
					}
					if got != bad {
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

// Helpers that have gone to sleep come back, and a caller waits for one that is late for
// longer than it watches.
func TestParallelForWakes(t *testing.T) {
	withProcs(2, func() {
		for round := range 40 {
			time.Sleep(time.Duration(round%3) * watchFor)
			var started sync.WaitGroup
			started.Add(2)
			done := [2]atomic.Bool{}
			parallelFor(2, 1, func(lo, hi int) {
				started.Done()
				started.Wait() // both chunks run at once, in two goroutines
				if lo == round/3%2 {
					time.Sleep(3 * watchFor)
				}
				done[lo].Store(true)
			})
			if !done[0].Load() || !done[1].Load() {
				t.Fatalf("round %d: the loop ended before its chunks: %v, %v", round, done[0].Load(), done[1].Load())
			}
		}
	})
}

// Loops of several goroutines at once, one of them in the pool and the others alone.
func TestParallelForFromManyGoroutines(t *testing.T) {
	withProcs(4, func() {
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				for n := range 3000 {
					var total atomic.Int64
					parallelFor(n%50, 3, func(lo, hi int) { total.Add(int64(hi - lo)) })
					if got := total.Load(); got != int64(n%50) {
						t.Errorf("a loop over %d ran %d", n%50, got)
						return
					}
				}
			})
		}
		callers.Wait()
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
