//go:build cuda

package cuda

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"unsafe"

	"gorgonia.org/cu"

	"hdmnet/internal/op"
	"hdmnet/kernels"
)

// kernel is one entry of a module, loaded at its first launch.
type kernel struct {
	kernels.Kernel
	fn     cu.Function
	loaded bool
	shared uint32 // bytes of dynamic shared memory that it may have
}

const sharedWithoutAsking = 48 << 10

// size is the shape of a launch: blocks of the grid, threads of a block (missing axes are
// 1), and the bytes of dynamic shared memory.
type size struct {
	grid   [3]int
	block  [3]int
	shared int
}

// grid1 is a launch of blocks of threads on one axis.
func grid1(blocks, threads int) size {
	return size{grid: [3]int{blocks, 1, 1}, block: [3]int{threads, 1, 1}}
}

// grid2 is a launch of columns × rows blocks (blockIdx.x, blockIdx.y).
func grid2(columns, rows, threads int) size {
	return size{grid: [3]int{columns, rows, 1}, block: [3]int{threads, 1, 1}}
}

// perElement is a launch of 256 threads a block for kernels that walk n elements by
// FOR_GRID.
func (d *Device) perElement(n int) size {
	return grid1(max(1, min(ceil(n, 256), d.sms*32)), 256)
}

// ceil is n/by, rounded up.
func ceil(n, by int) int { return (n + by - 1) / by }

// launch queues a kernel of kernels/*.cu. The arguments follow its signature:
//
//	op.Tensor, pointer   a pointer (nil: null)
//	int, int32, int64    a whole number of the parameter's size
//	uint32, uint64       the same, unsigned
//	float32, bool        float; int 0 or 1
//	*struct              a struct by value, laid out as in C
//
// Their number and sizes are compared with the PTX: a mistake panics here.
func (d *Device) launch(name string, s size, args ...any) {
	k := d.kernels[name]
	if k == nil {
		panic(fmt.Sprintf("cuda: no kernel %s in kernels/*.cu (make ptx)", name))
	}
	if len(args) != len(k.Params) {
		panic(fmt.Sprintf("cuda: kernel %s has %d parameters, launched with %d", name, len(k.Params), len(args)))
	}
	threads := s.block[0] * s.block[1] * s.block[2]
	if threads < 1 || threads > k.Threads {
		panic(fmt.Sprintf("cuda: kernel %s: a block of %v threads, its launch bounds are %d", name, s.block, k.Threads))
	}
	var dims launchSize
	for i := range 3 {
		if s.grid[i] < 1 || s.grid[i] > math.MaxInt32 || i > 0 && s.grid[i] > 65535 {
			panic(fmt.Sprintf("cuda: kernel %s: a grid of %v blocks", name, s.grid))
		}
		dims[i], dims[3+i] = uint32(s.grid[i]), uint32(s.block[i])
	}
	dims[6] = uint32(s.shared)
	values := make([]byte, 0, 16*len(args))
	at := make([]uint16, len(args))
	for i, a := range args {
		for len(values)%8 != 0 {
			values = append(values, 0)
		}
		at[i] = uint16(len(values))
		values = appendArgument(values, a, k.Params[i])
		if n := len(values) - int(at[i]); n != k.Params[i] {
			panic(fmt.Sprintf("cuda: kernel %s: argument %d is a %T of %d bytes, the parameter has %d", name, i, a, n, k.Params[i]))
		}
	}
	d.startZeros()
	d.traceArguments(name, &dims, values)
	d.submit(name, func() error {
		if err := d.load(k, dims[6]); err != nil {
			return err
		}
		doing := "launch kernel " + name
		return d.check(launchKernel(k.fn, &dims, d.stream, values, at, doing), doing)
	})
}

func appendArgument(to []byte, a any, bytes int) []byte {
	whole := func(v uint64, fits bool) []byte {
		if !fits {
			panic(fmt.Sprintf("cuda: the argument %v does not fit %d bytes", a, bytes))
		}
		return append(to, binary.LittleEndian.AppendUint64(nil, v)[:min(bytes, 8)]...)
	}
	signed := func(v int64) []byte { return whole(uint64(v), bytes >= 8 || v == int64(int32(v))) }
	switch v := a.(type) {
	case nil:
		return binary.LittleEndian.AppendUint64(to, 0)
	case op.Tensor:
		return binary.LittleEndian.AppendUint64(to, uint64(address(v)))
	case pointer:
		return binary.LittleEndian.AppendUint64(to, uint64(v))
	case int:
		return signed(int64(v))
	case int32:
		return signed(int64(v))
	case int64:
		return signed(v)
	case uint32:
		return whole(uint64(v), true)
	case uint64:
		return whole(v, bytes >= 8 || v <= math.MaxUint32)
	case float32:
		return binary.LittleEndian.AppendUint32(to, math.Float32bits(v))
	case bool:
		if v {
			return signed(1)
		}
		return signed(0)
	}
	if v := reflect.ValueOf(a); v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct {
		return append(to, unsafe.Slice((*byte)(v.UnsafePointer()), v.Elem().Type().Size())...)
	}
	panic(fmt.Sprintf("cuda: a kernel has no argument of type %T", a))
}

// load gets a kernel ready, on the queue's thread.
func (d *Device) load(k *kernel, shared uint32) error {
	if !k.loaded {
		m, err := d.module(k.Module)
		if err != nil {
			return err
		}
		k.fn, err = m.Function(k.Name)
		if err != nil {
			return d.check(err, "find kernel "+k.Name)
		}
		k.loaded, k.shared = true, sharedWithoutAsking
	}
	if shared > k.shared {
		what := fmt.Sprintf("give kernel %s %d bytes of shared memory", k.Name, shared)
		if err := d.check(allowShared(k.fn, shared, what), what); err != nil {
			return err
		}
		k.shared = shared
	}
	return nil
}

// module loads a module once.
func (d *Device) module(name string) (cu.Module, error) {
	if m, ok := d.modules[name]; ok {
		return m, nil
	}
	ptx, err := kernels.PTX(name, d.target)
	if err != nil {
		return cu.Module{}, err
	}
	var m cu.Module
	err = d.compile.watch(func() (err error) {
		m, err = loadModule(ptx, fmt.Sprintf("load the kernels of kernels/%s.cu", name))
		return err
	})
	if lost(err) {
		return m, d.check(err, "")
	}
	if err != nil {
		return m, fmt.Errorf("%w; the driver compiles them for the GPU at first use: is it up to date, and is there space for its cache (~/.nv)?", err)
	}
	d.modules[name] = m
	return m, nil
}

// check adds to an error of the driver what the reader needs. A kernel that fails is told of by
// whichever call comes next, and by every one after it.
func (d *Device) check(err error, doing string) error {
	err = driverError(err, doing)
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.fault() {
	case timeFault:
		return fmt.Errorf("%w; a kernel took too long: of a GPU that drives a display the system ends kernels after some seconds; use another GPU, a smaller batch or input size", err)
	case hardwareFault:
		return fmt.Errorf("%w; the GPU's hardware reports damage (nvidia-smi -q -d ECC): restart the machine, and if it comes again have the GPU exchanged", err)
	case kernelFault:
		return fmt.Errorf("%w; %s", err, d.afterFault())
	}
	return err
}

// withFault adds to an error of a library what the driver tells of a kernel that failed before, of
// which the library knows nothing; on the queue's thread.
func (d *Device) withFault(err error) error {
	if err == nil {
		return nil
	}
	if cause := driverError(d.stream.Query(), "ask for the stream's state"); lost(cause) {
		return fmt.Errorf("%w: %w", err, d.check(cause, ""))
	}
	return err
}

// afterFault says which kernels may have failed, and how to find out.
func (d *Device) afterFault() string {
	const report = "please report it, with what compute-sanitizer says of the same command"
	if d.sync {
		return "this kernel of hdmnet has failed; " + report
	}
	return fmt.Sprintf("a kernel of hdmnet that was launched earlier has failed, usually not the call that is named here; the latest, the last one first: %s; "+
		"run the command again with HDMNET_CUDA_SYNC=1, which names the kernel (slow), and %s", &d.recent, report)
}
