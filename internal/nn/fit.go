package nn

import (
	"errors"
	"fmt"

	"hdmnet/internal/op"
)

// MemoryError is a batch that does not fit the device's memory.
type MemoryError struct {
	Batch   int   // its size
	Least   int   // the smallest that the pass can be made with
	Largest int   // the largest that fits; 0: not even Least does
	Err     error // names the tensor; holds op.ErrOutOfMemory
}

func (e *MemoryError) Error() string {
	if e.Largest == 0 {
		return fmt.Sprintf("no batch fits the memory, not even one of %d: %v, fewer shots, or a device with more memory", e.Least, e.Err)
	}
	return fmt.Sprintf("a batch of %d does not fit the memory, the largest that does is %d: %v", e.Batch, e.Largest, e.Err)
}

func (e *MemoryError) Unwrap() error { return e.Err }

// Fit calls pass(batch), which makes one pass over that many samples. Where the memory of
// the device does not suffice it finds out, by making smaller passes down to one over
// least samples (1; 2 for batch norm with the batch's statistics), how many samples fit,
// and returns a *MemoryError. What those passes compute is worth nothing; they are of this
// process alone. A sum over processes (Together) that fails is an error too.
func (t *Tape) Fit(least, batch int, pass func(n int)) error {
	cause := outOfMemory(func() { pass(batch) })
	var sum *sumError
	if cause == nil || errors.As(cause, &sum) {
		return cause
	}
	together := t.Together
	t.Together = nil
	defer func() { t.Together = together }()
	none := min(least, batch) - 1
	fits, fails := none, batch
	for fails-fits > 1 {
		// The blocks of the pass before are of other sizes.
		if err := t.Arena.Close(); err != nil {
			return errors.Join(cause, err)
		}
		n := (fits + fails) / 2
		if outOfMemory(func() { pass(n) }) == nil {
			fits = n
		} else {
			fails = n
		}
	}
	if fits == none {
		fits = 0
	}
	return &MemoryError{Batch: batch, Least: least, Largest: fits, Err: cause}
}

// outOfMemory runs f and returns the error of memory that it panicked for want of, or of a
// sum over processes.
func outOfMemory(f func()) (err error) {
	defer func() {
		r := recover()
		var sum *sumError
		if e, ok := r.(error); ok && (errors.Is(e, op.ErrOutOfMemory) || errors.As(e, &sum)) {
			err = e
		} else if r != nil {
			panic(r)
		}
	}()
	f()
	return nil
}
