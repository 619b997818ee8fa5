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
	once   sync.Once
}

const queueLength = 1024

func newQueue() *queue {
	q := &queue{work: make(chan func(), queueLength)}
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
			q.failed.Store(&err)
		}
	}
	return nil
}

// call queues f and waits for it. An error of f itself does not stay: it is the caller's.
func (q *queue) call(f func() error) error {
	done := make(chan error, 1)
	q.work <- func() {
		if err := q.err(); err != nil {
			done <- err
			return
		}
		done <- f()
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
