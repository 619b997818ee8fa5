//go:build ignore

// Winograd writes the input and output transforms of Winograd's algorithm,
// winograd_amd64.s, and their Go declarations, winograd_amd64.go. Run it by go generate
// in the parent directory.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The tile and its points 0, ±a, ±b and infinity; winograd.go has the same ones.
const (
	side, tile = 6, 4
	a, b       = 5. / 8, 3. / 2
)

// The multipliers of the transforms, exact in float32, in the order of their copies in
// memory.
var multipliers = []float32{a, b, a * a, b * b, a * a * a, b * b * b, a * a * b * b, a*a + b*b}

const (
	byA = iota
	byB
	byA2
	byB2
	byA3
	byB3
	byA2B2
	bySum
)

var table Mem

func main() {
	ConstraintExpr("amd64")
	table = GLOBL("winogradMultipliers", RODATA|NOPTR)
	for i, c := range multipliers {
		for lane := range 8 {
			DATA((i*8+lane)*4, U32(math.Float32bits(c)))
		}
	}
	for _, s := range sets {
		s.winogradInput()
		s.winogradOutput()
	}
	Generate()
}

// times returns the multipliers as operands: in registers where there are enough, since
// memory in the program is not aligned to vectors of 64 bytes.
func (s isa) times(used ...int) func(multiplier int) Op {
	if s.width < 64 {
		return func(multiplier int) Op { return table.Offset(multiplier * 32) }
	}
	held := map[int]VecVirtual{}
	for _, multiplier := range used {
		held[multiplier] = s.vector()
		VBROADCASTSS(table.Offset(multiplier*32), held[multiplier])
	}
	return func(multiplier int) Op { return held[multiplier] }
}

// matrices walks over side × side matrices that lie step bytes apart, side at a time.
type matrices struct{ first, row, step, triple, quintuple GPVirtual }

func newMatrices(first, step GPVirtual) *matrices {
	m := &matrices{first, GP64(), step, GP64(), GP64()}
	LEAQ(Mem{Base: step, Index: step, Scale: 2}, m.triple)
	LEAQ(Mem{Base: step, Index: step, Scale: 4}, m.quintuple)
	return m
}

func (m *matrices) begin() { MOVQ(m.first, m.row) }

// next goes on to the next row of matrices.
func (m *matrices) next() { LEAQ(Mem{Base: m.row, Index: m.triple, Scale: 2}, m.row) }

// at is the memory of the row's matrix j.
func (m *matrices) at(j int) Mem {
	switch j {
	case 0:
		return Mem{Base: m.row}
	case 3:
		return Mem{Base: m.row, Index: m.triple, Scale: 1}
	case 5:
		return Mem{Base: m.row, Index: m.quintuple, Scale: 1}
	default: // 1, 2, 4
		return Mem{Base: m.row, Index: m.step, Scale: uint8(j)}
	}
}

// channels runs body for every vector of n channels, offset bytes from the first one.
func (s isa) channels(label string, m *matrices, body func(offset GPVirtual)) {
	n, offset := pointer("n"), GP64()
	SHLQ(Imm(2), n)
	XORQ(offset, offset)
	Label(label)
	m.begin()
	body(offset)
	ADDQ(Imm(uint64(s.width)), m.first)
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

// inputs passes the rows of Bᵀ·d to store: those of the points 0, a, −a, b, −b, infinity.
func (s isa) inputs(times func(int) Op, d [side]VecVirtual, store func(i int, v VecVirtual)) {
	copyOf := func(from VecVirtual) VecVirtual {
		v := s.vector()
		VMOVAPS(from, v)
		return v
	}
	pair := func(i, point, other int) {
		even, odd := copyOf(d[4]), copyOf(d[3])
		VFNMADD231PS(times(other), d[2], even)
		VFNMADD231PS(times(other), d[1], odd)
		plus := copyOf(even)
		VFMADD231PS(times(point), odd, plus)
		store(i, plus)
		VFNMADD231PS(times(point), odd, even)
		store(i+1, even)
	}
	pair(1, byA, byB2)
	pair(3, byB, byA2)
	VFNMADD231PS(times(bySum), d[2], d[4])
	VFMADD231PS(times(byA2B2), d[0], d[4])
	store(0, d[4])
	VFNMADD231PS(times(bySum), d[3], d[5])
	VFMADD231PS(times(byA2B2), d[1], d[5])
	store(5, d[5])
}

// outputs passes the rows of Aᵀ·m to store.
func (s isa) outputs(times func(int) Op, m [side]VecVirtual, store func(i int, v VecVirtual)) {
	var sum, difference [2]VecVirtual
	for k := range sum {
		sum[k], difference[k] = s.vector(), m[1+2*k]
		VADDPS(m[2+2*k], m[1+2*k], sum[k])
		VSUBPS(m[2+2*k], m[1+2*k], difference[k])
	}
	VADDPS(sum[0], m[0], m[0])
	VADDPS(sum[1], m[0], m[0])
	store(0, m[0])
	v := s.vector()
	VMULPS(times(byA), difference[0], v)
	VFMADD231PS(times(byB), difference[1], v)
	store(1, v)
	v = s.vector()
	VMULPS(times(byA2), sum[0], v)
	VFMADD231PS(times(byB2), sum[1], v)
	store(2, v)
	VFMADD231PS(times(byA3), difference[0], m[5])
	VFMADD231PS(times(byB3), difference[1], m[5])
	store(3, m[5])
}

func (s isa) winogradInput() {
	name := s.text("winogradInput", "writes Bᵀ d B for n channels, a positive multiple of 16: matrix k lies k·size bytes after v; work has room for 36·16 elements.",
		"func(v *float32, size int, in *[36]*float32, n int, work *float32)")
	v, in, work := newMatrices(pointer("v"), pointer("size")), pointer("in"), pointer("work")
	times := s.times(byA, byB, byA2, byB2, byA2B2, bySum)
	s.channels(name+"_channels", v, func(offset GPVirtual) {
		between := func(i, j int) Mem { return Mem{Base: work, Disp: (side*i + j) * s.width} }
		var d [side]VecVirtual
		for j := range side {
			for i := range d {
				d[i] = s.load(indirect(in, side*i+j, offset))
			}
			s.inputs(times, d, func(i int, r VecVirtual) { VMOVUPS(r, between(i, j)) })
		}
		for i := range side {
			for j := range d {
				d[j] = s.load(between(i, j))
			}
			s.inputs(times, d, func(j int, r VecVirtual) { VMOVUPS(r, v.at(j)) })
			v.next()
		}
	})
}

func (s isa) winogradOutput() {
	name := s.text("winogradOutput", "writes max(Aᵀ m A + bias + add, floor) for n channels, a positive multiple of 16: matrix k lies k·size bytes after m; work has room for 24·16 elements.",
		"func(out *[16]*float32, m *float32, size int, bias *float32, add *[16]*float32, n int, floor float32, work *float32)")
	m := newMatrices(pointer("m"), pointer("size"))
	out, bias, add, floor, work := pointer("out"), pointer("bias"), pointer("add"), s.scalar("floor"), pointer("work")
	times := s.times(byA, byB, byA2, byB2, byA3, byB3)
	s.channels(name+"_channels", m, func(offset GPVirtual) {
		between := func(i, j int) Mem { return Mem{Base: work, Disp: (tile*i + j) * s.width} }
		var d [side]VecVirtual
		for i := range side {
			for j := range d {
				d[j] = s.load(m.at(j))
			}
			s.outputs(times, d, func(j int, r VecVirtual) { VMOVUPS(r, between(i, j)) })
			m.next()
		}
		for j := range tile {
			for i := range d {
				d[i] = s.load(between(i, j))
			}
			s.outputs(times, d, func(i int, y VecVirtual) {
				p := tile*i + j
				VADDPS(Mem{Base: bias, Index: offset, Scale: 1}, y, y)
				VADDPS(indirect(add, p, offset), y, y)
				VMAXPS(y, floor, y) // keeps NaN, which the second source decides
				VMOVUPS(y, indirect(out, p, offset))
			})
		}
	})
}
