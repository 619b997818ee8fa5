// Package selftest tells whether a device computes what it should, on the machine of
// whoever asks: hdmnet doctor.
package selftest

import (
	"fmt"
	"math"
	"slices"

	"gorgonia.org/tensor"

	"hdmnet/internal/op"
)

// Twin is a device that runs every operator twice, on the device it stands before and, on
// the same operands, on a reference, and compares all operands afterwards. Each call is
// compared by itself: what follows a wrong result starts from the reference's.
type Twin struct {
	op.Device // whose memory the tensors are
	reference op.Device
	mirrors   *op.Arena // of the reference
	bounds    Options
	results   map[string]*Operator
	order     []string // operators by first call
}

// Operator is how far the calls of one operator were from the reference's.
type Operator struct {
	Name  string `json:"name"` // the method of op.Device
	Calls int    `json:"calls"`
	// Difference is the largest of any operand: ‖got−want‖/‖want‖, or of indices and labels
	// the share that differs; infinite for a NaN that the reference has not.
	Difference Number `json:"difference"`
	Shape      []int  `json:"shape"`           // of the operand that differed most
	Error      string `json:"error,omitempty"` // what the device stopped the first failing call with
	OK         bool   `json:"ok"`
}

// NewTwin returns a device over dev that compares with reference. Tensors in float32 may
// differ by o's bounds; indices and labels not at all. Closing it closes dev.
func NewTwin(dev, reference op.Device, o Options) *Twin {
	return &Twin{Device: dev, reference: reference, mirrors: op.NewArena(reference), bounds: o, results: map[string]*Operator{}}
}

// Operators returns what has been called so far, first called first.
func (d *Twin) Operators() []Operator {
	var out []Operator
	for _, name := range d.order {
		out = append(out, *d.results[name])
	}
	return out
}

// NonStdAlloc tells gorgonia, as the device itself does, that tensors get their memory
// from Alloc.
func (d *Twin) NonStdAlloc() {}

// Alloc returns zeros: operands are read before the operator has written them.
func (d *Twin) Alloc(size int64) (tensor.Memory, error) {
	m, err := d.Device.Alloc(size)
	if err == nil {
		d.Device.Memclr(m)
	}
	return m, err
}

// compare runs an operator on both devices, given with its tensors.
func (d *Twin) compare(operator string, run func(on op.Device, t []op.Tensor), tensors ...op.Tensor) {
	d.compareAbove(negligible, operator, run, tensors...)
}

// compareAbove is compare where values of the first tensor below floor are rounding;
// infinity: it may hold anything afterwards.
func (d *Twin) compareAbove(floor float64, operator string, run func(on op.Device, t []op.Tensor), tensors ...op.Tensor) {
	r := d.results[operator]
	if r == nil {
		r = &Operator{Name: operator, OK: true}
		d.results[operator] = r
		d.order = append(d.order, operator)
	}
	r.Calls++
	mirrors := d.mirror(tensors)
	run(d.reference, mirrors)
	if failure := try(func() { run(d.Device, tensors); d.judge(r, tensors, mirrors, floor) }); failure != nil {
		r.OK = false
		if r.Error == "" {
			r.Error = fmt.Sprint(failure)
		}
		for i, t := range tensors {
			d.replace(t, mirrors[i])
		}
	}
	d.mirrors.Reset()
}

// judge compares the tensors with their mirrors.
func (d *Twin) judge(r *Operator, tensors, mirrors []op.Tensor, floor float64) {
	for i, t := range tensors {
		if t == nil {
			continue
		}
		got, want := buffer(t), buffer(t)
		d.Device.Download(got, t)
		d.reference.Download(want, mirrors[i])
		if i > 0 {
			floor = negligible
		}
		if math.IsInf(floor, 1) {
			continue
		}
		difference, tolerance := differ(got, want, floor), d.bounds.Tolerance
		switch r.Name {
		case "Conv2D", "FrozenConv2D", "Linear", "PriorSimilarity":
			tolerance = d.bounds.Products
		}
		if _, floats := want.([]float32); !floats {
			tolerance = 0
		}
		if difference > float64(r.Difference) || r.Shape == nil {
			r.Difference, r.Shape = Number(difference), slices.Clone(t.Shape())
		}
		if difference > tolerance {
			r.OK = false
			d.replace(t, mirrors[i])
		}
	}
}

// replace gives t the reference's values.
func (d *Twin) replace(t, mirror op.Tensor) {
	if t != nil {
		v := buffer(t)
		d.reference.Download(v, mirror)
		d.Device.Upload(t, v)
	}
}

// try returns what f panics with.
func try(f func()) (failure any) {
	defer func() { failure = recover() }()
	f()
	return nil
}

// mirror copies tensors to the reference; those in the same memory share it there too.
func (d *Twin) mirror(tensors []op.Tensor) []op.Tensor {
	mirrors := make([]op.Tensor, len(tensors))
	for i, t := range tensors {
		if t == nil {
			continue
		}
		same := slices.IndexFunc(tensors[:i], func(o op.Tensor) bool { return o != nil && o.Uintptr() == t.Uintptr() && op.Len(o) == op.Len(t) })
		if same >= 0 {
			mirrors[i] = op.Reshape(mirrors[same], t.Shape()...)
			continue
		}
		switch t.Dtype() {
		case tensor.Uint8:
			mirrors[i] = d.mirrors.Uint8(t.Shape()...)
		case tensor.Int32:
			mirrors[i] = d.mirrors.Int32(t.Shape()...)
		default:
			mirrors[i] = d.mirrors.Float32(t.Shape()...)
		}
		v := buffer(t)
		d.Device.Download(v, t)
		d.reference.Upload(mirrors[i], v)
	}
	return mirrors
}

// buffer returns a slice for the elements of t.
func buffer(t op.Tensor) any {
	switch t.Dtype() {
	case tensor.Uint8:
		return make([]uint8, op.Len(t))
	case tensor.Int32:
		return make([]int32, op.Len(t))
	}
	return make([]float32, op.Len(t))
}

// differ is the difference of two slices of equal length, as Operator.Difference says.
func differ(got, want any, floor float64) float64 {
	switch want := want.(type) {
	case []uint8:
		return shareThatDiffers(got.([]uint8), want)
	case []int32:
		return shareThatDiffers(got.([]int32), want)
	}
	return relative(got.([]float32), want.([]float32), floor)
}

func shareThatDiffers[T comparable](got, want []T) float64 {
	n := 0
	for i := range want {
		if got[i] != want[i] {
			n++
		}
	}
	return float64(n) / float64(len(want))
}

// negligible is a magnitude below which values count as rounding: sums of values around 1
// that cancel.
const negligible = 1e-6

// relative is ‖got−want‖/‖want‖ in float64, where ‖want‖ is at least that of values of
// floor; +Inf where one has a NaN and the other not.
func relative(got, want []float32, floor float64) float64 {
	diff, norm := 0.0, 0.0
	for i := range want {
		g, w := float64(got[i]), float64(want[i])
		if g == w && math.IsInf(w, 0) || math.IsNaN(g) && math.IsNaN(w) {
			continue
		}
		diff += (g - w) * (g - w)
		norm += w * w
	}
	if math.IsNaN(diff) || math.IsInf(diff, 0) {
		return math.Inf(1)
	}
	if diff == 0 {
		return 0
	}
	return math.Sqrt(diff) / max(math.Sqrt(norm), floor*math.Sqrt(float64(len(want))))
}
