// Package selftest tells whether a device computes what it should, on the machine of
// whoever asks: hdmnet doctor.
package selftest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gorgonia.org/tensor"

	"hdmnet/internal/op"
	"hdmnet/internal/trace"
)

// differentialDevice is a device that runs every operator twice, on the device it stands before and, on
// the same operands, on a reference, and compares all operands afterwards. Each call is
// compared by itself: what follows a wrong result starts from the reference's.
type differentialDevice struct {
	trace.Device // before the one whose memory the tensors are
	reference    op.Device
	mirrors      *op.Arena // of the reference
	bounds       Options
	results      map[string]*Operator
	order        []string // operators by first call
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

// newDifferentialDevice returns a device over dev that compares with reference. Tensors in float32 may
// differ by o's bounds; indices and labels not at all. Closing it closes dev.
func newDifferentialDevice(dev, reference op.Device, o Options) *differentialDevice {
	d := &differentialDevice{reference: paired{reference, false}, mirrors: op.NewArena(reference), bounds: o, results: map[string]*Operator{}}
	d.Device = trace.Device{Device: paired{dev, true}, Hook: d.compare}
	return d
}

// paired is one of the two devices: of a frozen convolution, which is one of both, it takes
// its own.
type paired struct {
	op.Device
	own bool
}

// frozenPair is a frozen convolution of both devices.
type frozenPair struct {
	op.FrozenConv // the device's
	reference     op.FrozenConv
}

func (p *frozenPair) ReadsHalves() bool {
	return p.FrozenConv.ReadsHalves() && p.reference.ReadsHalves()
}

func (p *frozenPair) Close() error {
	return errors.Join(p.FrozenConv.Close(), p.reference.Close())
}

// NonStdAlloc tells gorgonia, as the device itself does, that tensors get their memory
// from Alloc.
func (d paired) NonStdAlloc() {}

func (d paired) FrozenConv2D(y, x op.Tensor, c op.FrozenConv, residual op.Tensor, activation op.Activation) {
	pair := c.(*frozenPair)
	if c = pair.reference; d.own {
		c = pair.FrozenConv
	}
	d.Device.FrozenConv2D(y, x, c, residual, activation)
}

// FreezeConv2D freezes a convolution on both devices.
func (d *differentialDevice) FreezeConv2D(w, bias []float32, shape []int, p op.ConvParams) (op.FrozenConv, error) {
	c, err := d.Device.FreezeConv2D(w, bias, shape, p)
	if err != nil {
		return nil, err
	}
	reference, err := d.reference.FreezeConv2D(w, bias, shape, p)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &frozenPair{c, reference}, nil
}

// operators returns what has been called so far, first called first.
func (d *differentialDevice) operators() []Operator {
	var out []Operator
	for _, name := range d.order {
		out = append(out, *d.results[name])
	}
	return out
}

// Alloc returns zeros: operands are read before the operator has written them.
func (d *differentialDevice) Alloc(size int64) (tensor.Memory, error) {
	m, err := d.Device.Alloc(size)
	if err == nil {
		d.Device.Memclr(m)
	}
	return m, err
}

// compare runs an operator on both devices.
func (d *differentialDevice) compare(c trace.Call) {
	if c.Operator == "Download" { // the device's own: every comparison relies on it
		c.Run(d.Device.Device, c.Tensors)
		return
	}
	r := d.results[c.Operator]
	if r == nil {
		r = &Operator{Name: c.Operator, OK: true}
		d.results[c.Operator] = r
		d.order = append(d.order, c.Operator)
	}
	r.Calls++
	mirrors := d.mirror(c.Tensors)
	c.Run(d.reference, mirrors)
	if failure := try(func() { c.Run(d.Device.Device, c.Tensors); d.judge(r, c.Tensors, mirrors) }); failure != nil {
		r.OK = false
		if r.Error == "" {
			r.Error = fmt.Sprint(failure)
		}
		for i, t := range c.Tensors {
			d.replace(t, mirrors[i])
		}
	}
	d.mirrors.Reset()
}

// floor is a magnitude below which the values of an operator's tensor are rounding;
// infinity: it may hold anything afterwards.
func floor(operator string, tensor int) float64 {
	switch {
	case operator == "LayerNorm" && tensor == 1, operator == "AddNorm" && tensor == 2: // means that cancel to nothing where the values do not
		return 0.1
	case operator == "DepthwiseGELUGrad" && (tensor == 3 || tensor == 4): // work memory
		return math.Inf(1)
	case operator == "MaskedCorrelation" && tensor == 2: // sums of masked-out columns; a wrong one of the others shows in y
		return math.Inf(1)
	}
	return negligible
}

// products are the operators whose inputs a device may round: op.Precision.
var products = map[string]bool{
	"Conv2D": true, "Conv2DGradInput": true, "Conv2DGradWeight": true, "FrozenConv2D": true,
	"Linear": true, "LinearGradInput": true, "LinearGradWeight": true, "LinearGrad": true,
	"SelfAttention": true, "SelfAttentionGrad": true, "MaskedCorrelation": true, "MaskedCorrelationGrad": true,
	"PriorSimilarity": true, "Gram": true,
}

// judge compares the tensors with their mirrors.
func (d *differentialDevice) judge(r *Operator, tensors, mirrors []op.Tensor) {
	for i, t := range tensors {
		least := floor(r.Name, i)
		if t == nil || math.IsInf(least, 1) {
			continue
		}
		got, want := buffer(t), buffer(t)
		d.Device.Device.Download(got, t)
		d.reference.Download(want, mirrors[i])
		difference, tolerance := differ(got, want, least), d.bounds.Tolerance
		if products[r.Name] {
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
func (d *differentialDevice) replace(t, mirror op.Tensor) {
	if t != nil {
		v := buffer(t)
		d.reference.Download(v, mirror)
		d.Device.Device.Upload(t, v)
	}
}

// try returns what f panics with.
func try(f func()) (failure any) {
	defer func() { failure = recover() }()
	f()
	return nil
}

// mirror copies tensors to the reference; those in the same memory share it there too.
func (d *differentialDevice) mirror(tensors []op.Tensor) []op.Tensor {
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
		d.Device.Device.Download(v, t)
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
