// Package op says what every operator of HDMNet means and lists them as the
// Device interface. Package cpu implements it in Go and assembly; other devices
// implement the same methods and answer to the same tests (package optest).
//
// Conventions, for every operator:
//   - Layout is NHWC: a feature map [B,H,W,C] is, read as [B,H·W,C], its token list.
//   - The tensors written come first, then the tensors read, then the parameters.
//   - Values (y, …) are overwritten. Gradients (dx, dw, …) ACCUMULATE: the
//     operator adds to what is there. A nil gradient is not computed.
//   - A tensor is contiguous, float32 unless stated; labels are uint8. Maps of frozen
//     layers may be Half where an operator says so.
//   - Shapes that do not fit are programming errors: they panic with the operator's
//     name and the shapes.
//   - The result is a pure function of the inputs: it does not depend on the number
//     of workers.
package op

import (
	"fmt"
	"slices"

	_ "go4.org/unsafe/assume-no-moving-gc" // gorgonia.org/tensor needs this release on today's Go
	"gorgonia.org/tensor"
)

// Tensor is a dense gorgonia tensor whose memory belongs to a Device.
type Tensor = *tensor.Dense

// Device is one place where the network runs. It is the tensor.Engine of its
// tensors. Its methods are called from one goroutine at a time.
type Device interface {
	tensor.Engine

	// Name describes the device for logs and reports, for example "cpu (avx512, 2 threads)".
	Name() string
	// Capabilities are what the device can do besides its operators. A device that stands
	// before another one hands on those of that one which it does not replace.
	Capabilities() Capabilities
	// Upload copies src ([]float32, []uint8 or []int32, as long as dst) to the device. src
	// may be changed as soon as it returns, also where the copy is still on its way.
	Upload(dst Tensor, src any)
	// Download copies src to dst ([]float32, []uint8 or []int32, as long as src) and
	// waits for all work that src depends on.
	Download(dst any, src Tensor)
	// Zero sets every element of t to 0.
	Zero(t Tensor)
	// Copy copies src to dst, which has as many elements.
	Copy(dst, src Tensor)
	// Close frees what the device holds.
	Close() error

	Conv2D
	FrozenConv2D
	Linear
	Depthwise3x3
	DepthwiseGELU
	BatchNorm
	LayerNorm
	ReLU
	GELU
	Softmax
	Dropout
	Add
	AddNorm
	Concat
	MaxPool
	AdaptiveAvgPool
	PyramidSpread
	MaskedAveragePool
	ResizeBilinear
	ResizeNearest
	SelfAttention
	RotaryEmbedding
	MaskedCorrelation
	PriorSimilarity
	Contrast
	Pivot
	Gram
	ShotWeights
	Ensemble
	Foreground
	ShotMean
	Normalize
	CrossEntropy
	Distillation
	Argmax
	AdamW
	SGD
}

// Len returns the number of elements of t.
func Len(t Tensor) int { return t.DataSize() }

// Last returns the extent of t's last axis, the channels.
func Last(t Tensor) int { s := t.Shape(); return s[len(s)-1] }

// Reshape returns a view of t's memory with another shape of as many elements; of its own
// shape that is t.
func Reshape(t Tensor, shape ...int) Tensor {
	checkReshape(t, shape)
	if slices.Equal(t.Shape(), shape) {
		return t
	}
	return view(t, 0, shape)
}

func checkReshape(t Tensor, shape []int) {
	if n := elements(shape); n != Len(t) {
		panic(fmt.Sprintf("op: Reshape: %v has %d elements, %v wants %d", t.Shape(), Len(t), slices.Clone(shape), n))
	}
}

// Rows returns the view t[lo:hi] along the first axis.
func Rows(t Tensor, lo, hi int) Tensor {
	checkRows(t, lo, hi)
	s := t.Shape()
	shape := append([]int{hi - lo}, s[1:]...)
	return view(t, lo*(Len(t)/s[0]), shape)
}

func checkRows(t Tensor, lo, hi int) {
	if s := t.Shape(); lo < 0 || hi > s[0] || lo >= hi {
		panic(fmt.Sprintf("op: Rows: [%d:%d] of %v", lo, hi, s))
	}
}

// Span returns the view of elements [lo, lo+Π shape) of t's memory with the given shape.
func Span(t Tensor, lo int, shape ...int) Tensor { return view(t, lo, shape) }

func view(t Tensor, lo int, shape []int) Tensor {
	return FromMemory(t.Engine(), t.Dtype(), viewAddress(t, lo, shape), slices.Clone(shape)...)
}

// viewAddress is where a view begins.
func viewAddress(t Tensor, lo int, shape []int) uintptr {
	n := elements(shape)
	if lo < 0 || lo+n > Len(t) {
		panic(fmt.Sprintf("op: view of elements [%d:%d] of %d", lo, lo+n, Len(t)))
	}
	return t.Uintptr() + uintptr(lo)*t.Dtype().Size()
}

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// FromMemory returns the tensor of a device over memory that somebody else keeps alive.
func FromMemory(e tensor.Engine, dt tensor.Dtype, ptr uintptr, shape ...int) Tensor {
	return tensor.New(tensor.Of(dt), tensor.WithShape(shape...), tensor.WithEngine(e),
		tensor.FromMemory(ptr, uintptr(elements(shape))*dt.Size()))
}
