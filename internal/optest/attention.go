package optest

import (
	"math"
	"slices"

	"hdmnet/internal/golden"
	"hdmnet/internal/op"
)

// projected is an attention case of the golden files: the released module projects its
// inputs by wq, wk, wv and its output by wo, [C,C] each, around the operator. The tests
// project in float64.
type projected struct {
	s    *suite
	file *golden.File
	name string
	c    int
}

// read returns tensor part of the case as float64.
func (p projected) read(part string) []float64 {
	p.s.Helper()
	v, _ := p.file.Float32(p.name + "." + part)
	return widen(v)
}

// forward is x·wᵀ.
func (p projected) forward(x []float64, w string) []float64 {
	m := p.read("in." + w)
	y := make([]float64, len(x))
	for i := 0; i < len(x); i += p.c {
		for o := range p.c {
			y[i+o] = dot(x[i:i+p.c], m[o*p.c:(o+1)*p.c])
		}
	}
	return y
}

// input is dy·w, the gradient of x.
func (p projected) input(dy []float64, w string) []float64 {
	m := p.read("in." + w)
	dx := make([]float64, len(dy))
	for i := 0; i < len(dy); i += p.c {
		for o := range p.c {
			for c := range p.c {
				dx[i+c] += dy[i+o] * m[o*p.c+c]
			}
		}
	}
	return dx
}

// weight is dyᵀ·x, the gradient of w.
func (p projected) weight(dy, x []float64) []float64 {
	dw := make([]float64, p.c*p.c)
	for i := 0; i < len(dy); i += p.c {
		for o := range p.c {
			for c := range p.c {
				dw[o*p.c+c] += dy[i+o] * x[i+c]
			}
		}
	}
	return dw
}

// gradient compares a projected gradient with tensor grad.part.
func (p projected) gradient(part string, got []float64) {
	p.s.Helper()
	want := p.read("grad." + part)
	p.s.nearTol(p.name+" gradient of "+part, got, want, gradTol*scaleOf(want), gradTol)
}

func widen(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// added is what the device added to a gradient that started as gradStart.
func added(v []float64) []float64 {
	for i := range v {
		v[i] -= gradStart
	}
	return v
}

func plus(a, b []float64) []float64 {
	for i := range a {
		a[i] += b[i]
	}
	return a
}

func norm(v []float64) float64 { return math.Sqrt(dot(v, v)) }

func repeat(x float64, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = x
	}
	return v
}

// same fails unless two tensors hold the same bits.
func (s *suite) same(what string, got, want op.Tensor) {
	s.Helper()
	if !slices.Equal(s.values(got), s.values(want)) {
		s.Errorf("%s: other bits", what)
	}
}
