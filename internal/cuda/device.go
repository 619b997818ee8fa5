//go:build cuda

// Package cuda is the CUDA device: every operator of package op in hand-written kernels
// (directory kernels). One file holds one operator, forward and backward.
//
// A method of Device only queues work; one goroutine, locked to one thread of the operating
// system, gives it to the driver in order (queue.go). All work runs in one stream, so
// memory may be used again as soon as its last use is queued; two where branches say so
// (branches.go). Only Download waits. Errors
// of the driver and of kernels are panics with an error that says what to do, at the next
// call after they are known.
//
// Environment:
//
//	HDMNET_CUDA_DRIVER   another library than the system's libcuda.so.1
//	HDMNET_CUDA_SYNC=1   wait after every launch: a fault names its kernel; slow
//	HDMNET_CUDA_LIBRARIES  folders of NVIDIA's libraries, or off: library.go
//	HDMNET_CUDA_TUNE       a file for measured choices among their algorithms: library_plan.go
//	HDMNET_CUDA_CACHE=off  give freed memory back to the driver at once; slow
//	HDMNET_CUDA_GRAPH=off  launch every kernel by itself, also in training
//	HDMNET_CUDA_BRANCHES=off  all work in one stream
package cuda

import (
	"fmt"
	"os"

	"gorgonia.org/cu"
	"gorgonia.org/tensor"

	"hdmnet/internal/op"
	"hdmnet/kernels"
)

// Device is one NVIDIA GPU.
type Device struct {
	index     int
	gpu       cu.Device
	name      string
	sms       int // multiprocessors
	target    kernels.Target
	context   cu.CUContext
	stream    cu.Stream // of what is queued next; the queue's thread's
	branches  branches
	queue     *queue
	memory    allocator
	kernels   map[string]*kernel // by name; only the queue's thread loads them
	modules   map[string]cu.Module
	watch     *queue // waits for the GPU while queue launches
	staging   staging
	marks     marks
	capture   capture
	sync      bool
	precision precision
	libraries libraries
	traced    func(op.Launch) // nil: nobody asks
	recent    recent
	compile   compile
	axes      map[resizeKey]pointer
	late      lateSums
	zeros     []zeroing // asked for, not queued yet

	sharedMemory, sharedReserved int // bytes of a multiprocessor, and those that the driver takes for each block
}

var _ op.Device = (*Device)(nil)

// Name returns the device's number, its name and what the driver supports.
func (d *Device) Name() string { return d.name }

// Close frees what the device holds. It returns what had failed before, if anything.
func (d *Device) Close() error {
	if d.queue == nil {
		return nil
	}
	d.startRecorded()
	failed := d.queue.err()
	if err := d.watch.final(func() error { return nil }); failed == nil {
		failed = err
	}
	err := d.queue.final(func() error {
		first := failed
		keep := func(err error) {
			if first == nil {
				first = err
			}
		}
		keep(d.capture.free(d))
		keep(d.check(cu.Synchronize(), "finish all work"))
		keep(d.staging.free())
		keep(d.marks.free())
		keep(d.libraries.close())
		keep(d.memory.freeAll())
		for _, m := range d.modules {
			keep(d.check(m.Unload(), "unload kernels"))
		}
		keep(d.check(d.staging.stream.Destroy(), "destroy the stream of uploads"))
		keep(d.branches.close())
		keep(d.check(d.gpu.ReleasePrimaryCtx(), "release the context"))
		return first
	})
	d.queue = nil
	if err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	return nil
}

// batchPixels is how many positions of a feature map keep every multiprocessor busy: tiles
// of 128 positions and 128 channels in several waves, also where a layer has 256 channels.
// It does not depend on the GPU, which may choose another algorithm for another number of
// images: results would.
const batchPixels = 1 << 17

// Capabilities are all but to observe the regions of a network.
func (d *Device) Capabilities() op.Capabilities {
	c := op.Capabilities{Fetcher: d, Graphs: d, Clock: d, Memory: d, Launches: d, Compiler: d, Late: d, HalfMaps: d.precision == bf16, PoolsLevelsAtOnce: true, PreferredBatchPixels: batchPixels}
	if !d.branches.off {
		c.Branches = d
	}
	return c
}

// fail panics with an error of this device.
func (d *Device) fail(err error) { panic(&op.DeviceError{Err: fmt.Errorf("%s: %w", d.name, err)}) }

// must panics when work that was queued has failed, or err is not nil.
func (d *Device) must(err error) {
	if err != nil {
		d.fail(err)
	}
}

// Copy copies src to dst.
func (d *Device) Copy(dst, src op.Tensor) {
	op.CheckCopy(dst, src)
	to, from, n := address(dst), address(src), bytesOf(src)
	d.startZeros()
	d.traceWhole(op.LaunchCopy, "copy", n, to, from)
	d.submit("copy", func() error {
		return d.check(cu.MemcpyDtoDAsync(to, from, n, d.stream), "copy on the device")
	})
}

// submit queues work under a name for messages.
func (d *Device) submit(name string, f func() error) {
	d.startZeros()
	if d.capture.recording {
		for _, b := range []byte(name) { // FNV-1a
			d.capture.kernels = (d.capture.kernels ^ uint64(b)) * 1099511628211
		}
	}
	d.must(d.queue.submit(func() error {
		d.recent.add(name)
		err := f()
		if err == nil && d.sync {
			err = d.check(d.stream.Synchronize(), name)
		}
		return err
	}))
}

// wait runs f after all that was queued, on the queue's thread, and waits for it.
func (d *Device) wait(f func() error) { d.must(d.call(f)) }

// Synchronize waits until everything that was queued is done.
func (d *Device) Synchronize() {
	d.wait(func() error {
		return d.alone(func() error { return d.check(d.stream.Synchronize(), "wait for the GPU") })
	})
}

// address is where t's elements lie; 0 for a nil tensor, an optional operand.
func address(t op.Tensor) cu.DevicePtr {
	if t == nil {
		return 0
	}
	return cu.DevicePtr(t.Uintptr())
}

func bytesOf(t op.Tensor) int64 { return int64(op.Len(t)) * int64(t.Dtype().Size()) }

// ---- The rest of gorgonia's engine

// AllocAccessible tells gorgonia that the CPU cannot touch this memory.
func (d *Device) AllocAccessible() bool { return false }

// NonStdAlloc tells gorgonia that tensors get their memory from Alloc.
func (d *Device) NonStdAlloc() {}

// Memset is not for operators; only 0 is supported.
func (d *Device) Memset(mem tensor.Memory, val any) error {
	if val != float32(0) && val != 0 {
		return fmt.Errorf("cuda: Memset to %v", val)
	}
	d.Memclr(mem)
	return nil
}

// Memclr clears a block.
func (d *Device) Memclr(mem tensor.Memory) { d.zero(cu.DevicePtr(mem.Uintptr()), int64(mem.MemSize())) }

// Memcpy copies as many bytes as both blocks have.
func (d *Device) Memcpy(dst, src tensor.Memory) error {
	to, from, n := cu.DevicePtr(dst.Uintptr()), cu.DevicePtr(src.Uintptr()), int64(min(dst.MemSize(), src.MemSize()))
	d.submit("copy", func() error {
		return d.check(cu.MemcpyDtoDAsync(to, from, n, d.stream), "copy on the device")
	})
	return nil
}

// Accessible fails: use Download.
func (d *Device) Accessible(tensor.Memory) (tensor.Memory, error) {
	return nil, fmt.Errorf("cuda: the CPU cannot touch device memory: use Download")
}

// WorksWith tells that tensors are row major.
func (d *Device) WorksWith(order tensor.DataOrder) bool { return order.IsRowMajor() }

func environment(name string) bool {
	v := os.Getenv(name)
	return v != "" && v != "0"
}
