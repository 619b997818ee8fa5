//go:build cuda

package cuda

/*
#cgo LDFLAGS: -lcuda -ldl
#include <cuda.h>

#cgo noescape hdm_launch
#cgo nocallback hdm_launch
#cgo noescape hdm_load
#cgo nocallback hdm_load

CUresult hdmnet_cuda_driver(const char **path, const char **error);

static CUresult hdm_launch(CUfunction f, const unsigned int *size, CUstream s, void *values, const unsigned short *at, int n)
{
	void *params[64];
	for (int i = 0; i < n; i++)
		params[i] = (char *)values + at[i];
	return cuLaunchKernel(f, size[0], size[1], size[2], size[3], size[4], size[5], size[6], s, params, NULL);
}

static CUresult hdm_load(CUmodule *m, const void *image, char *log, size_t bytes)
{
	CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
	void *values[] = {log, (void *)bytes};
	return cuModuleLoadDataEx(m, image, 2, options, values);
}
*/
import "C"

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"gorgonia.org/cu"
)

// This file holds what gorgonia.org/cu lacks. Its handles are structs of one field, so
// they convert by their memory.

func cStream(s cu.Stream) C.CUstream       { return *(*C.CUstream)(unsafe.Pointer(&s)) }
func cFunction(f cu.Function) C.CUfunction { return *(*C.CUfunction)(unsafe.Pointer(&f)) }

// Error is what the driver answered.
type Error struct {
	Doing string // what was asked for
	Code  int    // CUresult
	Name  string // CUDA_ERROR_…
	Text  string // the driver's words
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s (%s, %d)", e.Doing, e.Text, e.Name, e.Code)
}

// fault is why a context is lost, so that every later call fails.
type fault int

const (
	noFault       fault = iota
	kernelFault         // a kernel did what it must not
	timeFault           // a kernel took longer than the system allows
	hardwareFault       // the GPU's memory or links are damaged
)

func (e *Error) fault() fault {
	switch C.CUresult(e.Code) {
	case C.CUDA_ERROR_ILLEGAL_ADDRESS, C.CUDA_ERROR_LAUNCH_FAILED, C.CUDA_ERROR_MISALIGNED_ADDRESS, C.CUDA_ERROR_ILLEGAL_INSTRUCTION,
		C.CUDA_ERROR_INVALID_PC, C.CUDA_ERROR_INVALID_ADDRESS_SPACE, C.CUDA_ERROR_HARDWARE_STACK_ERROR, C.CUDA_ERROR_ASSERT:
		return kernelFault
	case C.CUDA_ERROR_LAUNCH_TIMEOUT:
		return timeFault
	case C.CUDA_ERROR_ECC_UNCORRECTABLE, C.CUDA_ERROR_NVLINK_UNCORRECTABLE:
		return hardwareFault
	}
	return noFault
}

// lost tells whether an error means that the context is lost.
func lost(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.fault() != noFault
}

func resultError(code C.CUresult, doing string) error {
	if code == C.CUDA_SUCCESS {
		return nil
	}
	var name, text *C.char
	C.cuGetErrorName(code, &name)
	C.cuGetErrorString(code, &text)
	e := &Error{Doing: doing, Code: int(code), Name: "CUDA error", Text: "no description"}
	if name != nil {
		e.Name = C.GoString(name)
	}
	if text != nil {
		e.Text = C.GoString(text)
	}
	return e
}

// driverError turns an error of gorgonia.org/cu, whose values are driver codes, into an
// Error. What is one, or holds one, says already what was asked for.
func driverError(err error, doing string) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if v := reflect.ValueOf(err); v.Kind() == reflect.Int {
		return resultError(C.CUresult(v.Int()), doing)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// driverState is what the link stub found when the program started.
type driverState struct {
	path   string // the library, "" when there is none
	reason string // why there is none
	code   int    // what its cuInit answered
	err    error  // the same
}

func driver() driverState {
	var path, reason *C.char
	code := C.hdmnet_cuda_driver(&path, &reason)
	s := driverState{path: C.GoString(path), reason: C.GoString(reason), code: int(code)}
	if s.path != "" {
		s.err = resultError(code, "initialize the driver")
	}
	return s
}

// launchSize is grid x, y, z, block x, y, z, and the bytes of dynamic shared memory.
type launchSize [7]uint32

// launchKernel starts a kernel; values holds the parameters, parameter i at at[i].
func launchKernel(f cu.Function, size *launchSize, s cu.Stream, values []byte, at []uint16, doing string) error {
	return resultError(C.hdm_launch(cFunction(f), (*C.uint)(unsafe.Pointer(size)), cStream(s), unsafe.Pointer(unsafe.SliceData(values)),
		(*C.ushort)(unsafe.Pointer(unsafe.SliceData(at))), C.int(len(at))), doing)
}

// loadModule compiles PTX for the GPU; the error holds the compiler's log.
func loadModule(ptx, doing string) (cu.Module, error) {
	image := append([]byte(ptx), 0)
	log := make([]byte, 4096)
	var m C.CUmodule
	code := C.hdm_load(&m, unsafe.Pointer(&image[0]), (*C.char)(unsafe.Pointer(&log[0])), C.size_t(len(log)))
	if err := resultError(code, doing); err != nil {
		if n := bytes.IndexByte(log, 0); n > 0 {
			err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(log[:n]))
		}
		return cu.Module{}, err
	}
	return *(*cu.Module)(unsafe.Pointer(&m)), nil
}

// reservedSharedMemory is an attribute that gorgonia.org/cu does not have: bytes of shared memory
// that the driver takes of each block.
const reservedSharedMemory = cu.DeviceAttribute(C.CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK)

// allowShared lets a kernel have more than 48 KiB of shared memory.
func allowShared(f cu.Function, bytes uint32, doing string) error {
	return resultError(C.cuFuncSetAttribute(cFunction(f), C.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, C.int(bytes)), doing)
}

// pin allocates host memory that the GPU copies from and to without a detour.
func pin(bytes int64) (unsafe.Pointer, error) {
	var p unsafe.Pointer
	err := resultError(C.cuMemHostAlloc(&p, C.size_t(bytes), 0), fmt.Sprintf("pin %d bytes of host memory", bytes))
	return p, err
}

func unpin(p unsafe.Pointer) error { return resultError(C.cuMemFreeHost(p), "free pinned memory") }

func copyToDevice(to cu.DevicePtr, from unsafe.Pointer, bytes int64, s cu.Stream) error {
	return resultError(C.cuMemcpyHtoDAsync(C.CUdeviceptr(to), from, C.size_t(bytes), cStream(s)), "copy to the device")
}

func copyToHost(to unsafe.Pointer, from cu.DevicePtr, bytes int64, s cu.Stream) error {
	return resultError(C.cuMemcpyDtoHAsync(to, C.CUdeviceptr(from), C.size_t(bytes), cStream(s)), "copy from the device")
}

// ---- Events with a time

func newTimer() (cu.Event, error) {
	e, err := cu.MakeEvent(cu.DefaultEvent)
	return e, driverError(err, "make an event")
}

// recordTime notes the time at which the stream has come so far. In a graph it does so at
// every launch of the graph.
func recordTime(e cu.Event, s cu.Stream) error {
	flags := C.uint(C.CU_EVENT_RECORD_DEFAULT)
	var capturing C.CUstreamCaptureStatus
	if err := resultError(C.cuStreamIsCapturing(cStream(s), &capturing), "ask whether a graph is captured"); err != nil {
		return err
	}
	if capturing == C.CU_STREAM_CAPTURE_STATUS_ACTIVE {
		flags = C.CU_EVENT_RECORD_EXTERNAL
	}
	return resultError(C.cuEventRecordWithFlags(*(*C.CUevent)(unsafe.Pointer(&e)), cStream(s), flags), "record an event")
}

// ---- Graphs

type graph struct{ g C.CUgraph }

// graphExec is a graph that the driver has made ready to run.
type graphExec struct{ g C.CUgraphExec }

// beginCapture makes the stream record what it gets. Relaxed: functions that the stream
// has no part in, as loading a kernel, work as usual.
func beginCapture(s cu.Stream) error {
	return resultError(C.cuStreamBeginCapture(cStream(s), C.CU_STREAM_CAPTURE_MODE_RELAXED), "begin to capture a graph")
}

// endCapture makes a graph of what the stream got since beginCapture.
func endCapture(s cu.Stream) (graph, error) {
	var g graph
	err := resultError(C.cuStreamEndCapture(cStream(s), &g.g), "capture a graph")
	return g, err
}

func (g graph) destroy() error { return resultError(C.cuGraphDestroy(g.g), "free a graph") }

func (g graph) instantiate() (graphExec, error) {
	var exec graphExec
	var flags C.ulonglong
	if cu.Version() >= 11070 {
		flags = C.CUDA_GRAPH_INSTANTIATE_FLAG_USE_NODE_PRIORITY // kernels keep the priority of their stream
	}
	err := resultError(C.cuGraphInstantiateWithFlags(&exec.g, g.g, flags), "make a graph")
	return exec, err
}

// update gives the graph the parameters of another one, for launches from now on. It fails
// where more than the parameters differ.
func (g graphExec) update(from graph) bool {
	var node C.CUgraphNode
	var result C.CUgraphExecUpdateResult
	return C.cuGraphExecUpdate(g.g, from.g, &node, &result) == C.CUDA_SUCCESS
}

func (g graphExec) launch(s cu.Stream) error {
	return resultError(C.cuGraphLaunch(g.g, cStream(s)), "launch a graph")
}

func (g graphExec) destroy() error { return resultError(C.cuGraphExecDestroy(g.g), "free a graph") }
