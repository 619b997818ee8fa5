// Package nn holds parameters, layers and the tape that orders their gradients.
package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"hdmnet/internal/op"
)

// Layout says how a parameter's elements lie on the device compared with PyTorch.
type Layout int

// The layouts of parameters.
const (
	Plain     Layout = iota // as in PyTorch: vectors, linear weights [out,in]
	Conv                    // PyTorch [O,I,KH,KW], here [O,KH,KW,I]
	Depthwise               // PyTorch [C,1,3,3], here [3,3,C]
)

// Role says who changes a parameter.
type Role int

// The roles of parameters.
const (
	Trainable Role = iota
	Frozen         // read only: the backbone and the base learner in the meta stage
	Buffer         // running statistics of batch norm
)

// Param is one tensor of a network.
type Param struct {
	Name   string // the name in the checkpoint, set by NewSet
	Shape  []int  // PyTorch's shape
	Layout Layout
	Role   Role
	Group  string // learning-rate group, from the struct tags
	Init   Init

	Value op.Tensor
	Grad  op.Tensor // nil unless Trainable
}

// Len returns the number of elements.
func (p *Param) Len() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// DeviceShape returns the shape of Value: Shape in the parameter's layout.
func (p *Param) DeviceShape() []int {
	s := p.Shape
	switch p.Layout {
	case Conv:
		return []int{s[0], s[2], s[3], s[1]}
	case Depthwise:
		return []int{s[2], s[3], s[0]}
	}
	return s
}

// ToDevice returns v, given in PyTorch's order, in the order of Value.
func (p *Param) ToDevice(v []float32) []float32 { return p.permute(v, true) }

// FromDevice returns v, given in the order of Value, in PyTorch's order.
func (p *Param) FromDevice(v []float32) []float32 { return p.permute(v, false) }

func (p *Param) permute(v []float32, toDevice bool) []float32 {
	if p.Layout == Plain {
		return v
	}
	out := make([]float32, len(v))
	o, i, k := p.Shape[0], p.Shape[1], p.Shape[2]*p.Shape[3]
	for a := range o {
		for b := range i {
			for t := range k {
				torch, dev := (a*i+b)*k+t, (a*k+t)*i+b
				if p.Layout == Depthwise {
					dev = t*o + a
				}
				if toDevice {
					out[dev] = v[torch]
				} else {
					out[torch] = v[dev]
				}
			}
		}
	}
	return out
}

// Init fills a new parameter, in PyTorch's order, from a generator of its own.
type Init func(shape []int, r *rand.Rand, v []float32)

// uniform draws from U(−b, b) with b = 1/√fanIn: PyTorch's default for the weights and
// biases of convolutions and linear layers (kaiming_uniform with a = √5).
func uniform(fanIn int) Init {
	b := 1 / math.Sqrt(float64(fanIn))
	return func(_ []int, r *rand.Rand, v []float32) {
		for i := range v {
			v[i] = float32((2*r.Float64() - 1) * b)
		}
	}
}

// KaimingFanOut draws from N(0, 2/(O·KH·KW)): kaiming_normal with mode fan_out.
func KaimingFanOut(shape []int, r *rand.Rand, v []float32) {
	std := math.Sqrt(2 / float64(shape[0]*shape[2]*shape[3]))
	for i := range v {
		v[i] = float32(r.NormFloat64() * std)
	}
}

// Values fills with x_0, x_1, … and repeats the last one.
func Values(x ...float32) Init {
	return func(_ []int, _ *rand.Rand, v []float32) {
		for i := range v {
			v[i] = x[min(i, len(x)-1)]
		}
	}
}

func (p *Param) String() string { return fmt.Sprintf("%s %v", p.Name, p.Shape) }
