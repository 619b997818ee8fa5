package op

import (
	"errors"
	"fmt"

	"gorgonia.org/tensor"
)

// Arena hands out a device's memory for activations. Blocks go back with Free, or all
// at once with Reset, and are used again, headers included: once warm a step allocates
// no device memory. One goroutine uses it.
type Arena struct {
	dev   Device
	idle  map[int64][]*block // by size in bytes
	live  map[uintptr]*block // by address
	held  int64              // bytes taken from the device
	inUse int64
	peak  int64
}

type block struct {
	mem   tensor.Memory
	bytes int64
	t     Tensor // the header of the last use
}

// NewArena returns an empty arena over dev.
func NewArena(dev Device) *Arena {
	return &Arena{dev: dev, idle: map[int64][]*block{}, live: map[uintptr]*block{}}
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
	a.release(b)
}

// Reset gives everything back: every tensor handed out so far is invalid after it.
func (a *Arena) Reset() {
	for p, b := range a.live {
		delete(a.live, p)
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
	for size, blocks := range a.idle {
		for _, b := range blocks {
			if err := a.dev.Free(b.mem, b.bytes); err != nil {
				return err
			}
		}
		delete(a.idle, size)
	}
	a.held = 0
	return nil
}

func (a *Arena) release(b *block) {
	a.inUse -= b.bytes
	a.idle[b.bytes] = append(a.idle[b.bytes], b)
}

func (a *Arena) get(dt tensor.Dtype, shape []int) Tensor {
	n := int64(dt.Size())
	for _, d := range shape {
		if d < 1 {
			panic(fmt.Sprintf("op: Arena: shape %v has an empty axis", shape))
		}
		n *= int64(d)
	}
	bytes := (n + 63) &^ 63
	b := a.take(bytes, dt, shape)
	if b == nil {
		mem, err := a.dev.Alloc(bytes)
		if err != nil && !errors.Is(err, ErrOutOfMemory) {
			panic(fmt.Errorf("%s: %w", a.dev.Name(), err)) // of work before
		}
		if err != nil {
			panic(fmt.Errorf("%s: no memory for a tensor %v (%s; activations hold %s so far): %w; use a smaller batch or input size",
				a.dev.Name(), shape, FormatBytes(bytes), FormatBytes(a.held), err))
		}
		a.held += bytes
		b = &block{mem: mem, bytes: bytes}
	}
	if b.t == nil || !fits(b.t, dt, shape) {
		b.t = FromMemory(a.dev, dt, b.mem.Uintptr(), shape...)
	}
	a.live[b.mem.Uintptr()] = b
	a.inUse += bytes
	a.peak = max(a.peak, a.inUse)
	return b.t
}

// take removes an idle block of the exact size, one with a fitting header if there is one.
func (a *Arena) take(bytes int64, dt tensor.Dtype, shape []int) *block {
	list := a.idle[bytes]
	if len(list) == 0 {
		return nil
	}
	pick := len(list) - 1
	for i := pick; i >= 0; i-- {
		if fits(list[i].t, dt, shape) {
			pick = i
			break
		}
	}
	b := list[pick]
	list[pick] = list[len(list)-1]
	a.idle[bytes] = list[:len(list)-1]
	return b
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
