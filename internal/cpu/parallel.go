package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// workers is the persistent pool behind parallelFor: one loop runs at a time,
// shared by the calling goroutine and the pool's own goroutines.
var workers = struct {
	running sync.Mutex // held while a loop is spread over the pool
	started int        // goroutines alive, guarded by running
	wake    chan struct{}
	done    sync.WaitGroup

	// The loop being run.
	next     atomic.Int64 // first chunk nobody has taken
	n, grain int
	body     func(lo, hi int)
	fault    atomic.Pointer[fault] // first panic of a helper
}{wake: make(chan struct{}, 1024)}

// fault is the value of a panic on its way from a helper to the caller.
type fault struct{ value any }

// parallelFor runs f over 0 ≤ i < n in chunks [j·grain, min((j+1)·grain, n)).
//
// The chunks depend on n and grain alone, never on the number of processors,
// so a partial result kept per chunk is the same on every machine; the order
// in which chunks run is not fixed. Chunks are taken by up to GOMAXPROCS
// goroutines as they become free. A call from inside f, or while another
// goroutine's loop occupies the pool, runs its chunks in the caller. A panic
// in f reaches the caller. The only allocation is f itself.
func parallelFor(n, grain int, f func(lo, hi int)) {
	if n <= 0 {
		return
	}
	if grain < 1 {
		grain = 1
	}
	chunks := (n + grain - 1) / grain
	helpers := min(runtime.GOMAXPROCS(0), chunks) - 1
	if helpers < 1 || !workers.running.TryLock() {
		for lo := 0; lo < n; lo += grain {
			f(lo, min(lo+grain, n))
		}
		return
	}
	helpers = min(helpers, cap(workers.wake))
	for ; workers.started < helpers; workers.started++ {
		go helpLoops()
	}
	workers.n, workers.grain, workers.body = n, grain, f
	workers.next.Store(0)
	workers.done.Add(helpers)
	for range helpers {
		workers.wake <- struct{}{}
	}
	defer finishLoop() // also when f panics here, so that the pool stays usable
	takeChunks()
}

// helpLoops is the life of one pool goroutine.
func helpLoops() {
	for range workers.wake {
		helpOnce()
	}
}

// helpOnce takes part in one loop and keeps a panic for the caller.
func helpOnce() {
	defer func() {
		if v := recover(); v != nil {
			workers.fault.CompareAndSwap(nil, &fault{v})
		}
		workers.done.Done()
	}()
	takeChunks()
}

// takeChunks runs chunks of the current loop until none is left.
func takeChunks() {
	n, grain, body := workers.n, workers.grain, workers.body
	for {
		lo := int(workers.next.Add(1)-1) * grain
		if lo >= n {
			return
		}
		body(lo, min(lo+grain, n))
	}
}

// finishLoop calls back the helpers that have not woken yet, waits for the
// others, frees the pool and passes a helper's panic on.
func finishLoop() {
	workers.next.Store(int64(workers.n)) // no chunk starts after a panic
	for called := true; called; {
		select {
		case <-workers.wake:
			workers.done.Done()
		default:
			called = false
		}
	}
	workers.done.Wait()
	workers.body = nil
	broken := workers.fault.Swap(nil)
	workers.running.Unlock()
	if broken != nil {
		panic(broken.value)
	}
}
