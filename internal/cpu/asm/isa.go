//go:build ignore

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// isa is one instruction set: the suffix of its functions and its vectors.
type isa struct {
	name   string
	doc    string
	width  int // bytes of a vector
	vector func() VecVirtual
}

// sets are the instruction sets that every loop is written for.
var sets = []isa{
	{"AVX512", "with AVX-512F, DQ and VL.", 64, func() VecVirtual { return ZMM() }},
	{"AVX2", "with AVX2 and FMA.", 32, func() VecVirtual { return YMM() }},
}

func (s isa) text(name, doc, signature string) string {
	name += s.name
	TEXT(name, NOSPLIT, signature)
	Doc(name + " " + doc + " " + s.doc)
	Pragma("noescape")
	return name
}

func (s isa) zero(v VecVirtual) {
	if s.width == 64 {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
}

// zeros returns n vectors of 0.
func (s isa) zeros(n int) []VecVirtual {
	vs := make([]VecVirtual, n)
	for i := range vs {
		vs[i] = s.vector()
		s.zero(vs[i])
	}
	return vs
}

// load returns the vector at m.
func (s isa) load(m Mem) VecVirtual {
	v := s.vector()
	VMOVUPS(m, v)
	return v
}

func pointer(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }

func pointers(names ...string) []GPVirtual {
	ps := make([]GPVirtual, len(names))
	for i, name := range names {
		ps[i] = pointer(name)
	}
	return ps
}

// argument is the memory of a scalar argument.
func argument(name string) Mem {
	at, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return at.Addr
}

// scalar returns the float32 argument in every lane.
func (s isa) scalar(name string) VecVirtual {
	v := s.vector()
	VBROADCASTSS(argument(name), v)
	return v
}

// every runs body for the offsets 0, width, 2·width, … below bytes, a positive multiple
// of width. The offset counts up to 0 from behind, which spares a comparison: body reads
// base p at at(p), and all bases lie bytes further on when the loop is over.
func (s isa) every(label string, bytes GPVirtual, bases []GPVirtual, body func(at func(p GPVirtual) Mem)) {
	i := GP64()
	for _, p := range bases {
		ADDQ(bytes, p)
	}
	MOVQ(bytes, i)
	NEGQ(i)
	Label(label)
	body(func(p GPVirtual) Mem { return Mem{Base: p, Index: i, Scale: 1} })
	ADDQ(Imm(uint64(s.width)), i)
	JL(LabelRef(label))
}

func end() {
	VZEROUPPER()
	RET()
}
