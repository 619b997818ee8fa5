//go:build cuda

package cuda

import (
	"fmt"

	"gorgonia.org/cu"
	"gorgonia.org/tensor"

	"hdmnet/internal/op"
)

// ErrOutOfMemory is what errors.Is finds when the GPU has not enough memory.
var ErrOutOfMemory = op.ErrOutOfMemory

// pointer is an address in device memory, for launch.
type pointer = cu.DevicePtr

// block is device memory as a tensor sees it.
type block struct {
	at    uintptr
	bytes int64
}

func (b *block) Uintptr() uintptr { return b.at }
func (b *block) MemSize() uintptr { return uintptr(b.bytes) }

// allocator keeps freed blocks for the next request of the same size: asking the driver
// stops the GPU. A freed block may be given out at once: all work is in one stream. While
// there are two, it is given to the branch that freed it.
type allocator struct {
	idle   [3]map[int64][]uintptr // by size; of all, and of each branch what it freed
	branch op.Branch              // that calls belong to; 0: none
	live   map[uintptr]int64      // size by address
	held   int64                  // bytes taken from the driver
	inUse  int64
	peak   int64
	direct bool // no cache
}

const allocationUnit = 512

func newIdle() (idle [3]map[int64][]uintptr) {
	for i := range idle {
		idle[i] = map[int64][]uintptr{}
	}
	return idle
}

// Alloc returns size bytes, aligned to 256, with undefined contents. The error of a GPU
// that is full is ErrOutOfMemory and names the bytes.
func (d *Device) Alloc(size int64) (tensor.Memory, error) {
	at, err := d.alloc(size)
	if err != nil {
		return nil, err
	}
	return &block{at: at, bytes: size}, nil
}

// Free takes back memory that Alloc gave.
func (d *Device) Free(mem tensor.Memory, _ int64) error { return d.release(mem.Uintptr()) }

func (d *Device) alloc(bytes int64) (uintptr, error) {
	if bytes < 1 {
		return 0, fmt.Errorf("cuda: Alloc of %d bytes", bytes)
	}
	m := &d.memory
	if !m.direct {
		bytes = (bytes + allocationUnit - 1) / allocationUnit * allocationUnit
	}
	at, ok := m.take(m.branch, bytes)
	if !ok {
		at, ok = m.take(0, bytes)
	}
	if !ok {
		var err error
		if at, err = d.fromDriver(bytes); err != nil {
			return 0, err
		}
		m.held += bytes
	}
	m.live[at] = bytes
	m.inUse += bytes
	m.peak = max(m.peak, m.inUse)
	return at, nil
}

// take returns an idle block of that size, if there is one.
func (m *allocator) take(of op.Branch, bytes int64) (at uintptr, ok bool) {
	list := m.idle[of][bytes]
	if len(list) == 0 {
		return 0, false
	}
	m.idle[of][bytes] = list[:len(list)-1]
	return list[len(list)-1], true
}

// join makes what the branches freed idle for all.
func (m *allocator) join() {
	for _, idle := range m.idle[1:] {
		for bytes, list := range idle {
			m.idle[0][bytes] = append(m.idle[0][bytes], list...)
			idle[bytes] = list[:0]
		}
	}
}

// fromDriver asks the driver; when it has no memory, once more after all idle blocks went back.
func (d *Device) fromDriver(bytes int64) (uintptr, error) {
	var p cu.DevicePtr
	var short error
	d.capture.quiet = 0 // the shapes are new
	err := d.call(func() error {
		get := func() (err error) { p, err = cu.MemAlloc(bytes); return err }
		err := get()
		if err == cu.OutOfMemory {
			if err := d.check(cu.Synchronize(), "finish all work"); err != nil {
				return err
			}
			if err := d.memory.trim(); err != nil {
				return err
			}
			err = get()
		}
		if err == cu.OutOfMemory {
			free, total, err := cu.MemInfo()
			if err != nil {
				return d.check(err, "ask for the free memory")
			}
			short = fmt.Errorf("%w: %s asked for; %s of %s are free, %s are in use here", ErrOutOfMemory,
				op.FormatBytes(bytes), op.FormatBytes(free), op.FormatBytes(total), op.FormatBytes(d.memory.inUse))
			if others := total - free - d.memory.held; others > total/10 { // less is the driver's own
				short = fmt.Errorf("%w, %s by other programs (nvidia-smi shows them)", short, op.FormatBytes(others))
			}
			return nil
		}
		return d.check(err, fmt.Sprintf("allocate %d bytes", bytes))
	})
	if err == nil {
		err = short
	}
	return uintptr(p), err
}

func (d *Device) release(at uintptr) error {
	m := &d.memory
	bytes, ok := m.live[at]
	if !ok {
		return fmt.Errorf("cuda: Free of 0x%x, which is not allocated", at)
	}
	delete(m.live, at)
	m.inUse -= bytes
	if !m.direct {
		m.idle[m.branch][bytes] = append(m.idle[m.branch][bytes], at)
		return nil
	}
	m.held -= bytes
	return d.call(func() error { return d.check(cu.MemFree(cu.DevicePtr(at)), "free memory") })
}

// trim gives idle blocks back to the driver; on the queue's thread.
func (m *allocator) trim() error {
	for _, idle := range m.idle {
		for bytes, list := range idle {
			for _, at := range list {
				if err := driverError(cu.MemFree(cu.DevicePtr(at)), "free memory"); err != nil {
					return err
				}
				m.held -= bytes
			}
			delete(idle, bytes)
		}
	}
	return nil
}

// freeAll gives everything back, what is in use as well; on the queue's thread.
func (m *allocator) freeAll() error {
	for at, bytes := range m.live {
		m.idle[0][bytes] = append(m.idle[0][bytes], at)
		delete(m.live, at)
	}
	m.inUse = 0
	return m.trim()
}

// PeakMemory returns the largest number of bytes in use at one time.
func (d *Device) PeakMemory() int64 { return d.memory.peak }

// HeldMemory returns the bytes taken from the driver, in use or kept for the next request.
func (d *Device) HeldMemory() int64 { return d.memory.held }

// scratch returns work memory for n float32s, undefined; the operator gives it back when
// the last launch that uses it is queued:
//
//	sums := d.scratch(n)
//	defer d.freeScratch(sums)
func (d *Device) scratch(n int) pointer {
	at, err := d.alloc(int64(n) * 4)
	if err != nil {
		d.fail(fmt.Errorf("no memory for an operator's %s of scratch: %w; use a smaller batch or input size", op.FormatBytes(4*int64(n)), err))
	}
	return pointer(at)
}

func (d *Device) freeScratch(p pointer) {
	if !d.late.keep(p, d.memory.live[uintptr(p)]) {
		d.must(d.release(uintptr(p)))
	}
}

// offset returns the address of element i of float32s at p.
func offset(p pointer, i int) pointer { return p + pointer(4*i) }
