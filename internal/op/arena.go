package op

import (
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// Arena hands out a device's memory for activations. It goes back with Free, or all at
// once with Reset, and is used again, whole or in parts, headers included: once warm a
// step allocates no device memory, and the same step gets the same addresses. One
// goroutine uses it.
type Arena struct {
	dev     Device
	slabs   []slab
	idle    [3][]*span           // by size; of all, and of each branch what it gave back
	branch  Branch               // that calls belong to; 0: none
	live    map[uintptr]*span    // by address
	spare   []*span              // to be used again
	headers map[uintptr][]Tensor // of the last uses of an address
	count   int                  // of headers
	held    int64                // bytes taken from the device
	inUse   int64
	peak    int64
}

// maxHeaders bounds the headers kept: far more than the tensors of a step.
const maxHeaders = 1 << 14

// NewArena returns an empty arena over dev.
func NewArena(dev Device) *Arena {
	return &Arena{dev: dev, live: map[uintptr]*span{}, headers: map[uintptr][]Tensor{}}
}

// Device returns the device whose memory this is.
func (a *Arena) Device() Device { return a.dev }

// Float32 returns a tensor with undefined contents.
func (a *Arena) Float32(shape ...int) Tensor { return a.get(tensor.Float32, shape) }

// Zeros returns a float32 tensor of zeros.
func (a *Arena) Zeros(shape ...int) Tensor {
	t := a.get(tensor.Float32, shape)
	a.dev.Zero(t)
	return t
}

// Half returns a tensor of halves with undefined contents.
func (a *Arena) Half(shape ...int) Tensor { return a.get(Half, shape) }

// Of returns a tensor of the type of t with undefined contents.
func (a *Arena) Of(t Tensor, shape ...int) Tensor { return a.get(t.Dtype(), shape) }

// Uint8 returns a tensor of labels with undefined contents.
func (a *Arena) Uint8(shape ...int) Tensor { return a.get(tensor.Uint8, shape) }

// Int32 returns a tensor of indices with undefined contents.
func (a *Arena) Int32(shape ...int) Tensor { return a.get(tensor.Int32, shape) }

// Free gives t's memory back at once; t, and every view of it, must not be used after.
func (a *Arena) Free(t Tensor) {
	b := a.live[t.Uintptr()]
	if b == nil {
		panic(fmt.Sprintf("op: Arena.Free: the arena does not hold the tensor %v", t.Shape()))
	}
	delete(a.live, t.Uintptr())
	a.inUse -= b.bytes
	a.release(b)
}

// Reset gives everything back: every tensor handed out so far is invalid after it.
func (a *Arena) Reset() {
	for p, b := range a.live {
		delete(a.live, p)
		a.inUse -= b.bytes
		a.release(b)
	}
}

// Peak returns the largest number of bytes in use at one time.
func (a *Arena) Peak() int64 { return a.peak }

// Held returns the bytes taken from the device.
func (a *Arena) Held() int64 { return a.held }

// Close returns all memory to the device.
func (a *Arena) Close() error {
	a.Reset()
	a.idle, a.held = [3][]*span{}, 0
	a.forgetHeaders()
	for len(a.slabs) > 0 {
		s := a.slabs[0]
		a.slabs = a.slabs[1:]
		if err := a.dev.Free(s.mem, s.bytes); err != nil {
			return err
		}
	}
	return nil
}

func (a *Arena) get(dt tensor.Dtype, shape []int) Tensor {
	n := int64(dt.Size())
	for _, d := range shape {
		if d < 1 {
			panic(fmt.Sprintf("op: Arena: shape %v has an empty axis", slices.Clone(shape)))
		}
		n *= int64(d)
	}
	bytes := (n + spanAlign - 1) &^ (spanAlign - 1)
	b := a.take(bytes)
	if b == nil {
		err, shape := a.grow(bytes), slices.Clone(shape) // the shapes of callers stay on their stacks
		if err != nil && !errors.Is(err, ErrOutOfMemory) {
			panic(&DeviceError{fmt.Errorf("%s: %w", a.dev.Name(), err)}) // of work before
		}
		if err != nil {
			panic(fmt.Errorf("%s: no memory for a tensor %v (%s; activations hold %s so far): %w; use a smaller batch or input size",
				a.dev.Name(), shape, FormatBytes(bytes), FormatBytes(a.held), err))
		}
		b = a.take(bytes)
	}
	a.live[b.addr] = b
	a.inUse += bytes
	a.peak = max(a.peak, a.inUse)
	return a.header(b.addr, dt, shape)
}

// header returns a tensor at an address: the one of an earlier use if it fits.
func (a *Arena) header(addr uintptr, dt tensor.Dtype, shape []int) Tensor {
	for _, t := range a.headers[addr] {
		if fits(t, dt, shape) {
			return t
		}
	}
	if a.count == maxHeaders {
		a.forgetHeaders()
	}
	t := FromMemory(a.dev, dt, addr, slices.Clone(shape)...)
	a.headers[addr] = append(a.headers[addr], t)
	a.count++
	return t
}

// Reshape is op.Reshape of memory of the arena's device, with a header that is kept for
// the next time.
func (a *Arena) Reshape(t Tensor, shape ...int) Tensor {
	checkReshape(t, shape)
	return a.header(t.Uintptr(), t.Dtype(), shape)
}

// Span is op.Span likewise.
func (a *Arena) Span(t Tensor, lo int, shape ...int) Tensor {
	return a.header(viewAddress(t, lo, shape), t.Dtype(), shape)
}

// Rows is op.Rows likewise.
func (a *Arena) Rows(t Tensor, lo, hi int) Tensor {
	checkRows(t, lo, hi)
	s := t.Shape()
	var buf [8]int
	shape := append(buf[:0], s...)
	shape[0] = hi - lo
	return a.Span(t, lo*(Len(t)/s[0]), shape...)
}

func (a *Arena) forgetHeaders() {
	clear(a.headers)
	a.count = 0
}

func fits(t Tensor, dt tensor.Dtype, shape []int) bool {
	s := t.Shape()
	if t.Dtype() != dt || len(s) != len(shape) {
		return false
	}
	for i := range s {
		if s[i] != shape[i] {
			return false
		}
	}
	return true
}
