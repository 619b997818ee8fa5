package cpu

// loop is a parallelFor whose body takes its arguments A by pointer instead of holding
// them in a closure: what a run needs is kept for the next one, so that it allocates
// nothing. Any goroutine may run it.
type loop[A any] struct {
	body func(a *A, lo, hi int)
	idle freeList[loopRun[A]]
}

// loopRun is one run of a loop.
type loopRun[A any] struct {
	args A
	f    func(lo, hi int)
}

// newLoop returns the loop that runs body over parts of its range. The body does not
// change the arguments.
func newLoop[A any](body func(a *A, lo, hi int)) *loop[A] { return &loop[A]{body: body} }

// run is parallelFor(n, grain, …) with some arguments.
func (l *loop[A]) run(n, grain int, args A) {
	r := l.idle.get()
	if r.f == nil {
		r.f = func(lo, hi int) { l.body(&r.args, lo, hi) }
	}
	r.args = args
	parallelFor(n, grain, r.f)
	var none A
	r.args = none
	l.idle.put(r)
}
