// Package cpu is the CPU device: every operator of package op in Go, with assembly for
// the matrix products. One file holds one operator, forward and backward.
package cpu

import (
	"fmt"
	"runtime"
	"unsafe"

	"gorgonia.org/tensor"

	"hdmnet/internal/op"
)

// Device runs on the CPU with GOMAXPROCS threads. Its tensors are ordinary Go memory.
type Device struct {
	tensor.StdEng // Memset, Memclr, Memcpy and the rest of gorgonia's engine
	isa           string
	precision     op.Precision

	inUse, peak int64 // bytes that Alloc gave, and those of frozen convolutions
}

var _ op.Device = (*Device)(nil)

// New opens the CPU in float32.
func New() (*Device, error) { return Open(op.FP32) }

// Open opens the CPU to compute in a precision. In bf16 it rounds the inputs of frozen
// convolutions, but not of those by Winograd's algorithm, which is faster in float32, of
// PriorSimilarity, and of the attention of encoders, which are not trained. All gradients stay in float32, and so do layers that are trained: they
// take a small part of the time, and rounded they would make most of the error. In bf16x3
// the products of layers that are trained, their gradients and Gram are in bf16x3 as well.
//
// Where products of bf16 are by AMX, they should be faster than Winograd's algorithm in float32,
// and in bf16x3 than others in float32: their peak rates are. There bf16 rounds the inputs of all frozen convolutions,
// and what stays in float32 elsewhere is in bf16x3, Gram included.
//
// HDMNET_CPU=amx|avx512|avx2|go forces the instruction set of the matrix products. An
// instruction set or a precision that this processor lacks is an error that says what to
// choose.
func Open(p op.Precision) (*Device, error) {
	isa, err := ISA()
	if err != nil {
		return nil, err
	}
	switch p {
	case op.TF32:
		return nil, errNoTF32
	case op.BF16, op.BF16X3:
		if _, err := pairISA(p); err != nil {
			return nil, err
		}
	}
	return &Device{isa: isa, precision: p}, nil
}

// Name returns the instruction set, the number of threads, and the precision where it is
// not float32.
func (d *Device) Name() string {
	name := fmt.Sprintf("cpu (%s, %d threads)", d.isa, runtime.GOMAXPROCS(0))
	if d.precision != op.FP32 {
		name += " in " + d.precision.String()
	}
	return name
}

// fine is the precision of layers that are trained, of gradients and of Gram.
func (d *Device) fine() op.Precision {
	if d.precision == op.BF16X3 || d.precision == op.BF16 && currentISA().hasTiles() {
		return op.BF16X3
	}
	return op.FP32
}

// Precision is the one that the device was opened in.
func (d *Device) Precision() op.Precision { return d.precision }

// Capabilities are to count its memory.
func (d *Device) Capabilities() op.Capabilities { return op.Capabilities{Memory: d} }

// Close does nothing: the memory is the garbage collector's.
func (d *Device) Close() error { return nil }

// memory is one block of Go memory, aligned to a cache line.
type memory struct {
	raw  []byte
	data []byte
}

func (m *memory) Uintptr() uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(m.data))) }
func (m *memory) MemSize() uintptr { return uintptr(len(m.data)) }

// Alloc returns size bytes of zeros, aligned to 64 bytes. Its error is op.ErrOutOfMemory.
func (d *Device) Alloc(size int64) (tensor.Memory, error) {
	if err := room(size); err != nil {
		return nil, err
	}
	raw := make([]byte, size+63)
	d.count(size)
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(raw))) & 63
	return &memory{raw: raw, data: raw[skip : int64(skip)+size]}, nil
}

// Free leaves the memory to the garbage collector.
func (d *Device) Free(m tensor.Memory, _ int64) error {
	d.count(-int64(m.MemSize()))
	return nil
}

// count notes that so many bytes more are in use.
func (d *Device) count(bytes int64) {
	d.inUse += bytes
	d.peak = max(d.peak, d.inUse)
}

// PeakMemory returns the largest number of bytes in use at one time: parameters, packed
// or not, their moments, and activations. The operators' own scratch memory is not counted.
func (d *Device) PeakMemory() int64 { return d.peak }

// NonStdAlloc tells gorgonia that tensors get their memory from Alloc.
func (d *Device) NonStdAlloc() {}

// Upload copies src to dst.
func (d *Device) Upload(dst op.Tensor, src any) {
	op.CheckUpload(dst, src)
	switch s := src.(type) {
	case []float32:
		copyFloats(dst.Float32s(), s)
	case []uint8:
		copy(dst.Uint8s(), s)
	case []int32:
		copy(dst.Int32s(), s)
	}
}

// Download copies src to dst.
func (d *Device) Download(dst any, src op.Tensor) {
	op.CheckDownload(dst, src)
	switch to := dst.(type) {
	case []float32:
		copyFloats(to, src.Float32s())
	case []uint8:
		copy(to, src.Uint8s())
	case []int32:
		copy(to, src.Int32s())
	}
}

// Zero clears t.
func (d *Device) Zero(t op.Tensor) {
	v := f32(t)
	zeros.run(len(v), memoryGrain, v)
}

// Copy copies src to dst.
func (d *Device) Copy(dst, src op.Tensor) {
	op.CheckCopy(dst, src)
	copyFloats(f32(dst), f32(src))
}

// f32 returns the elements of t, or nil for a nil tensor: an optional operand.
func f32(t op.Tensor) []float32 {
	if t == nil {
		return nil
	}
	return t.Float32s()
}
