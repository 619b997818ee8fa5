package cpu

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// watchFor is how long a helper without work, or a caller that waits for its helpers,
// watches memory before it sleeps. The loops of a pass follow each other within
// microseconds, and being woken takes longer than most of them run; but who watches
// keeps a processor from the loader's goroutines.
const watchFor = 100 * time.Microsecond

// workers is the persistent pool behind parallelFor: one loop runs at a time,
// shared by the calling goroutine and the pool's own goroutines.
var workers struct {
	running sync.Mutex // held while a loop is spread over the pool
	started int        // goroutines alive, guarded by running

	// The loop being run. A helper may read it between taking a seat and leaving.
	n, grain int
	body     func(lo, hi int)
	fault    atomic.Pointer[helperPanic] // first panic of a helper
	_        [64]byte                    // what follows changes while helpers read what is above
	next     atomic.Int64                // first chunk nobody has taken
	_        [64]byte
	seats    atomic.Int32 // helpers that may still join the loop
	present  atomic.Int32 // helpers in the loop, less those that the caller has yet to count
	_        [64]byte

	crowded atomic.Bool   // there are fewer processors than goroutines: watching holds others up
	asleep  atomic.Int32  // helpers that nobody has woken yet
	wake    chan struct{} // one token for each helper taken off asleep
	waiting atomic.Bool   // the caller sleeps until present is 0
	empty   chan struct{}
}

func init() {
	workers.wake = make(chan struct{}, 1024)
	workers.empty = make(chan struct{}, 1)
}

// helperPanic is a panic on its way from a helper to the caller, with the helper's stack.
type helperPanic struct {
	value any
	stack []byte
}

func (p *helperPanic) Error() string { return fmt.Sprintf("%v, in a helper:\n%s", p.value, p.stack) }

// Unwrap is the value where that is an error.
func (p *helperPanic) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

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
	chunks, procs := (n+grain-1)/grain, runtime.GOMAXPROCS(0)
	helpers := min(procs, chunks) - 1
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
	if crowded := procs > runtime.NumCPU(); crowded != workers.crowded.Load() {
		workers.crowded.Store(crowded)
	}
	workers.n, workers.grain, workers.body = n, grain, f
	workers.next.Store(0)
	workers.seats.Store(int32(helpers))
	for range helpers {
		if !takeOne(&workers.asleep) {
			break // the others are awake
		}
		workers.wake <- struct{}{}
	}
	defer finishLoop(helpers) // also when f panics here, so that the pool stays usable
	takeChunks()
}

// takeOne takes one of count, if there is one.
func takeOne(count *atomic.Int32) bool {
	for {
		c := count.Load()
		if c <= 0 {
			return false
		}
		if count.CompareAndSwap(c, c-1) {
			return true
		}
	}
}

// helpLoops is the life of one pool goroutine.
func helpLoops() {
	seat := func() bool { return takeOne(&workers.seats) }
	for {
		if watch(seat) {
			helpOnce()
			continue
		}
		// From here on a caller sends a token. One that opened its loop just before
		// did not, so the seats are looked at once more.
		workers.asleep.Add(1)
		if seat() {
			counted := takeOne(&workers.asleep)
			helpOnce()
			if counted {
				continue
			}
			// A caller took it for asleep. Its token is received without a seat, because
			// another helper may get it first, and this one then sleeps.
		}
		<-workers.wake
	}
}

// watch asks for ready over and over, for watchFor at most, or once where that would take
// a processor from who has work, and tells whether it came.
func watch(ready func() bool) bool {
	if ready() {
		return true
	}
	if workers.crowded.Load() {
		return false
	}
	for start := time.Now(); time.Since(start) < watchFor; {
		for range 64 {
			if ready() {
				return true
			}
		}
	}
	return false
}

// helpOnce takes part in one loop, in which it has a seat, and keeps a panic for the caller.
func helpOnce() {
	defer func() {
		if v := recover(); v != nil {
			workers.fault.CompareAndSwap(nil, &helperPanic{v, debug.Stack()})
		}
		if workers.present.Add(-1) == 0 && workers.waiting.CompareAndSwap(true, false) {
			workers.empty <- struct{}{}
		}
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

// finishLoop lets no more helpers in, waits for those that are, frees the pool and
// passes a helper's panic on. helpers is the number of seats that the loop had.
func finishLoop(helpers int) {
	workers.next.Store(int64(workers.n)) // no chunk starts after a panic
	joined := int32(helpers) - workers.seats.Swap(0)
	workers.present.Add(joined) // helpers that have left already took 1 off each
	for !watch(allLeft) {
		workers.waiting.Store(true)
		// The last to leave sees the flag and sends, or it left before the flag was up.
		if allLeft() && workers.waiting.CompareAndSwap(true, false) {
			break
		}
		<-workers.empty // perhaps from one that left an earlier loop and was held up since
	}
	workers.body = nil
	broken := workers.fault.Swap(nil)
	workers.running.Unlock()
	if broken != nil {
		panic(broken)
	}
}

// allLeft tells whether no helper is in the loop, once the caller has counted them.
func allLeft() bool { return workers.present.Load() == 0 }
