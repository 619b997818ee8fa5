package nn

import (
	"fmt"

	"gorgonia.org/tensor"

	"hdmnet/internal/op"
)

// frozenLayer keeps on the device what it has computed from parameters, until they change.
type frozenLayer interface {
	// unfold gives that back: a parameter has changed or goes away.
	unfold() error
}

// folding is a frozenLayer that an inference set keeps in place of its parameters.
type folding interface {
	frozenLayer
	// parts are the parameters that it stands for, the weights first; nil those there are not.
	parts() []*Param
	// read folds the other parts into h.w, which holds the weights as they are in a file, and
	// h.b, zeros, and turns the weights to the device's order.
	read(h *hostValues, values func(p *Param, v []float32) error) error
	// prepare makes the form that the device computes of what read has made.
	prepare(dev op.Device, w, b []float32)
}

// freeze prepares a convolution with folded weights, those of p.
func freeze(dev op.Device, p *Param, w, b []float32, shape []int, params op.ConvParams) op.FrozenConv {
	f, err := dev.FreezeConv2D(w, b, shape, params)
	if err != nil {
		panic(fmt.Errorf("%s: no memory for the folded weights of %s: %w; choose a device with more memory, or a smaller backbone", dev.Name(), p, err))
	}
	return f
}

// Projection is a product, or a convolution, that is not trained and whose outputs may be
// scaled by channel:
//
//	y = γ·(w∗x + b)
//
// w [Co,Ci], or [Co,Ci,KH,KW] with the geometry Params; b, γ [Co] or nil. It is computed as
// one frozen convolution with the weights γ·w and γ·b. PyTorch: nn.Linear or nn.Conv2d,
// followed by the LayerScale of a vision transformer.
type Projection struct {
	Weight *Param `w:"weight"`
	Bias   *Param `w:"bias"`
	Scale  *Param // named where it stands by itself
	Params op.ConvParams

	folded op.FrozenConv // made on first use
}

// NewProjection returns a product of in channels to out, with PyTorch's default initialization.
func NewProjection(in, out int, bias bool) *Projection {
	l := NewLinear(in, out, bias)
	return &Projection{Weight: l.Weight, Bias: l.Bias, Params: op.ConvParams{Stride: 1, Dilation: 1}}
}

// NewPatchProjection returns the convolution of patches p×p beside each other, of in channels
// to out, with bias and PyTorch's default initialization.
func NewPatchProjection(in, out, p int) *Projection {
	c := NewConv2D(in, out, p, op.ConvParams{Stride: p, Dilation: 1}, true)
	return &Projection{Weight: c.Weight, Bias: c.Bias, Params: c.Params}
}

// Frozen is the projection as dev computes it: of maps [B,h,w,Ci], or tokens [1,1,N,Ci].
func (l *Projection) Frozen(dev op.Device) op.FrozenConv {
	if l.folded == nil {
		value := func(p *Param) []float32 {
			if p == nil {
				return nil
			}
			v := make([]float32, p.Len())
			dev.Download(v, p.Value)
			return v
		}
		w, b := value(l.Weight), value(l.Bias)
		if b == nil {
			b = make([]float32, l.Weight.Shape[0])
		}
		if gamma := value(l.Scale); gamma != nil {
			for o := range b {
				l.scale(w, b, o, gamma)
			}
		}
		l.prepare(dev, w, b)
	}
	return l.folded
}

// scale multiplies output channel o of the weights and the biases.
func (l *Projection) scale(w, b []float32, o int, gamma []float32) {
	per := len(w) / len(b)
	scaleRow(w[o*per:][:per], float64(gamma[o]))
	b[o] *= gamma[o]
}

func (l *Projection) parts() []*Param { return []*Param{l.Weight, l.Bias, l.Scale} }

func (l *Projection) read(h *hostValues, values func(p *Param, v []float32) error) error {
	if l.Bias != nil {
		if err := values(l.Bias, h.b); err != nil {
			return err
		}
	}
	var gamma []float32
	if l.Scale != nil {
		gamma = make([]float32, len(h.b))
		if err := values(l.Scale, gamma); err != nil {
			return err
		}
	}
	for o := range h.b {
		h.reorder(o)
		if gamma != nil {
			l.scale(h.w, h.b, o, gamma)
		}
	}
	return nil
}

func (l *Projection) prepare(dev op.Device, w, b []float32) {
	shape := l.Weight.DeviceShape()
	if len(shape) == 2 {
		shape = []int{shape[0], 1, 1, shape[1]}
	}
	l.folded = freeze(dev, l.Weight, w, b, shape, l.Params)
}

func (l *Projection) unfold() error {
	f := l.folded
	l.folded = nil
	if f == nil {
		return nil
	}
	return f.Close()
}

// Derived is tables that the host computes from parameters, for every size of map when it is
// first seen, and that stay on the device until a parameter changes.
type Derived struct {
	tables map[[2]int]*derivedTables
}

type derivedTables struct {
	dev    op.Device
	mem    tensor.Memory
	values []op.Tensor
}

// Table is one of the tables of a Derived.
type Table struct {
	Shape  []int
	Values []float32
}

// Get returns the tables for maps of h×w, which compute makes where there are none yet.
func (d *Derived) Get(dev op.Device, h, w int, compute func() []Table) []op.Tensor {
	size := [2]int{h, w}
	if t := d.tables[size]; t != nil {
		return t.values
	}
	tables, n := compute(), 0
	for _, t := range tables {
		n += roundedUp(len(t.Values))
	}
	mem, err := dev.Alloc(int64(n) * 4)
	if err != nil {
		panic(fmt.Errorf("%s: no memory for the tables of maps of %d×%d: %w; use smaller pictures", dev.Name(), h, w, err))
	}
	kept := &derivedTables{dev: dev, mem: mem}
	at := mem.Uintptr()
	for _, t := range tables {
		v := op.FromMemory(dev, tensor.Float32, at, t.Shape...)
		dev.Upload(v, t.Values)
		kept.values = append(kept.values, v)
		at += uintptr(roundedUp(len(t.Values))) * 4
	}
	if d.tables == nil {
		d.tables = map[[2]int]*derivedTables{}
	}
	d.tables[size] = kept
	return kept.values
}

func (d *Derived) unfold() error {
	tables := d.tables
	d.tables = nil
	for _, t := range tables {
		if err := t.dev.Free(t.mem, int64(t.mem.MemSize())); err != nil {
			return err
		}
	}
	return nil
}
