//go:build ignore

// Winograd writes the input and output transforms of Winograd's algorithm,
// winograd_amd64.s, and their Go declarations, winograd_amd64.go. Run it by go generate
// in the parent directory.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	for _, s := range sets {
		s.winogradInput()
		s.winogradOutput()
	}
	Generate()
}

// matrices are 16 matrices that lie step bytes apart, through four registers.
type matrices struct {
	groups       [4]GPVirtual
	step, triple GPVirtual
}

func newMatrices(base, step GPVirtual) *matrices {
	m := &matrices{step: step, triple: GP64()}
	m.groups[0] = base
	for i := 1; i < 4; i++ {
		m.groups[i] = GP64()
		LEAQ(Mem{Base: m.groups[i-1], Index: step, Scale: 4}, m.groups[i])
	}
	LEAQ(Mem{Base: step, Index: step, Scale: 2}, m.triple)
	return m
}

// at is the memory of matrix k.
func (m *matrices) at(k int) Mem {
	switch g := m.groups[k/4]; k % 4 {
	case 0:
		return Mem{Base: g}
	case 3:
		return Mem{Base: g, Index: m.triple, Scale: 1}
	default:
		return Mem{Base: g, Index: m.step, Scale: uint8(k % 4)}
	}
}

// channels runs body for every vector of n channels, offset bytes from the first one.
func (s isa) channels(label string, m *matrices, body func(offset GPVirtual)) {
	n, offset := pointer("n"), GP64()
	SHLQ(Imm(2), n)
	XORQ(offset, offset)
	Label(label)
	body(offset)
	for _, g := range m.groups {
		ADDQ(Imm(uint64(s.width)), g)
	}
	ADDQ(Imm(uint64(s.width)), offset)
	CMPQ(offset, n)
	JL(LabelRef(label))
	end()
}

// indirect is the memory at offset behind the p-th pointer of a table.
func indirect(table GPVirtual, p int, offset GPVirtual) Mem {
	to := GP64()
	MOVQ(Mem{Base: table, Disp: 8 * p}, to)
	return Mem{Base: to, Index: offset, Scale: 1}
}

func (s isa) winogradInput() {
	name := s.text("winogradInput", "writes Bᵀ d B for n channels, a positive multiple of 16: matrix k lies k·size bytes after v.",
		"func(v *float32, size int, in *[16]*float32, n int)")
	v, in := newMatrices(pointer("v"), pointer("size")), pointer("in")
	s.channels(name+"_channels", v, func(offset GPVirtual) {
		for i := range 4 {
			var r [4]VecVirtual
			for j := range r { // rows of Bᵀ: d0−d2, d1+d2, d2−d1, d1−d3
				first, second := [4]int{0, 1, 2, 1}[i], [4]int{2, 2, 1, 3}[i]
				r[j] = s.load(indirect(in, 4*first+j, offset))
				b := indirect(in, 4*second+j, offset)
				if i == 1 {
					VADDPS(b, r[j], r[j])
				} else {
					VSUBPS(b, r[j], r[j])
				}
			}
			t := s.vector()
			VSUBPS(r[2], r[0], t)
			VMOVUPS(t, v.at(4*i))
			VADDPS(r[2], r[1], t)
			VMOVUPS(t, v.at(4*i+1))
			VSUBPS(r[1], r[2], t)
			VMOVUPS(t, v.at(4*i+2))
			VSUBPS(r[3], r[1], t)
			VMOVUPS(t, v.at(4*i+3))
		}
	})
}

func (s isa) winogradOutput() {
	name := s.text("winogradOutput", "writes max(Aᵀ m A + bias + add, floor) for n channels, a positive multiple of 16: matrix k lies k·size bytes after m.",
		"func(out *[4]*float32, m *float32, size int, bias *float32, add *[4]*float32, n int, floor float32)")
	m := newMatrices(pointer("m"), pointer("size"))
	out, bias, add, floor := pointer("out"), pointer("bias"), pointer("add"), s.scalar("floor")
	s.channels(name+"_channels", m, func(offset GPVirtual) {
		for row := range 2 {
			var r [4]VecVirtual
			for j := range r { // rows of Aᵀ: m0+m1+m2, m1−m2−m3
				r[j] = s.load(m.at(4*row + j))
				if row == 0 {
					VADDPS(m.at(4+j), r[j], r[j])
					VADDPS(m.at(8+j), r[j], r[j])
				} else {
					VSUBPS(m.at(8+j), r[j], r[j])
					VSUBPS(m.at(12+j), r[j], r[j])
				}
			}
			VADDPS(r[1], r[0], r[0])
			VADDPS(r[2], r[0], r[0])
			VSUBPS(r[2], r[1], r[1])
			VSUBPS(r[3], r[1], r[1])
			for column := range 2 {
				p, y := 2*row+column, r[column]
				VADDPS(Mem{Base: bias, Index: offset, Scale: 1}, y, y)
				VADDPS(indirect(add, p, offset), y, y)
				VMAXPS(y, floor, y) // keeps NaN, which the second source decides
				VMOVUPS(y, indirect(out, p, offset))
			}
		}
	})
}
