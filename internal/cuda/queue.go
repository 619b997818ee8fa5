//go:build cuda

package cuda

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// queue runs functions in order on one thread of the operating system, to which the CUDA
// context belongs. submit costs a fraction of a microsecond, so that the thousands of
// launches of a training step do not wait for the driver.
//
// The first error stays: what is submitted after it does not run, and every submit and
// call returns it.
type queue struct {
	work   chan func()
	failed atomic.Pointer[error]
	broken chan struct{} // closed after the first error
	once   sync.Once
}

const queueLength = 1024

func newQueue() *queue {
	q := &queue{work: make(chan func(), queueLength), broken: make(chan struct{})}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		for f := range q.work {
			f()
		}
	}()
	return q
}

// err is the first error, or nil.
func (q *queue) err() error {
	if p := q.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// submit queues f and returns at once; the error is an earlier one.
func (q *queue) submit(f func() error) error {
	if err := q.err(); err != nil {
		return err
	}
	q.work <- func() {
		if q.failed.Load() != nil {
			return
		}
		if err := f(); err != nil {
			q.fail(err)
		}
	}
	return nil
}

// fail makes err the queue's error, unless there is one; from any goroutine.
func (q *queue) fail(err error) {
	if q.failed.CompareAndSwap(nil, &err) {
		close(q.broken)
	}
}

// call queues f and waits for it. An error of f itself does not stay: it is the caller's.
func (q *queue) call(f func() error) error {
	done := make(chan error, 1)
	q.work <- func() {
		if err := q.err(); err != nil {
			done <- err
			return
		}
		err := f()
		if failed := q.err(); failed != nil {
			err = failed // while f ran: what it waited for may have been given up
		}
		done <- err
	}
	return <-done
}

// final runs f even after an error and ends the queue.
func (q *queue) final(f func() error) error {
	done := make(chan error, 1)
	q.work <- func() { done <- f() }
	err := <-done
	q.once.Do(func() { close(q.work) })
	return err
}

// mark is a place in a queue that the host can wait for.
type mark struct {
	queue   *queue
	reached chan struct{} // closed when what was queued before has been given to the driver
}

func newMark(q *queue) *mark { return &mark{queue: q, reached: make(chan struct{})} }

// wait returns when the mark is reached, or the error that keeps it from that.
func (m *mark) wait() error {
	select {
	case <-m.reached:
		return m.queue.err()
	case <-m.queue.broken:
		return m.queue.err()
	}
}
