//go:build ignore

// Channels writes the loops over rows of channels, channels_amd64.s, and their Go
// declarations, channels_amd64.go. Run it by go generate in the parent directory.
package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	for _, s := range sets {
		s.normalize()
		s.scaleGrad()
		s.batchNormGrad()
		s.channelSums()
		s.channelSquares()
		s.channelDots()
		s.layerNorm()
		s.layerNormGrad()
	}
	Generate()
}

const size = "for rows of c channels, a positive multiple of 16,"

// eachRow runs inner for every row, with the offset from −c to 0 as in every: rows lists
// what moves on from row to row, channels what is one row for all.
type eachRow struct {
	isa
	name           string
	c              GPVirtual // bytes
	rows, channels []GPVirtual
}

func (e eachRow) loop(inner func()) {
	n := pointer("rows")
	for _, p := range e.channels {
		ADDQ(e.c, p)
	}
	Label(e.name + "_row")
	for _, p := range e.rows {
		ADDQ(e.c, p)
	}
	inner()
	DECQ(n)
	JG(LabelRef(e.name + "_row"))
	end()
}

// pass runs body for every vector of the row.
func (e eachRow) pass(label string, body func(at func(p GPVirtual) Mem)) {
	e.every(e.name+label, e.c, nil, body)
}

func (s isa) eachRow(name string, rows, channels []string) eachRow {
	e := eachRow{s, name, pointer("c"), pointers(rows...), pointers(channels...)}
	SHLQ(Imm(2), e.c)
	return e
}

// The loops of batch norm round after every operation, as the Go loops do: the same bits
// on every instruction set. (Products of the float64 sums are exact.)

func (s isa) normalize() {
	name := s.text("normalize", "computes y = (x − mean)·scale + shift "+size, "func(y, x, mean, scale, shift *float32, c, rows int)")
	e := s.eachRow(name, []string{"y", "x"}, []string{"mean", "scale", "shift"})
	e.loop(func() {
		e.pass("_pass", func(at func(GPVirtual) Mem) {
			v, scale := s.load(at(e.rows[1])), s.load(at(e.channels[1]))
			VSUBPS(at(e.channels[0]), v, v)
			VMULPS(scale, v, v)
			VADDPS(at(e.channels[2]), v, v)
			VMOVUPS(v, at(e.rows[0]))
		})
	})
}

func (s isa) scaleGrad() {
	name := s.text("scaleGrad", "adds dy·scale to dx "+size, "func(dx, dy, scale *float32, c, rows int)")
	e := s.eachRow(name, []string{"dx", "dy"}, []string{"scale"})
	e.loop(func() {
		e.pass("_pass", func(at func(GPVirtual) Mem) {
			g := s.load(at(e.rows[1]))
			VMULPS(at(e.channels[0]), g, g)
			VADDPS(at(e.rows[0]), g, g)
			VMOVUPS(g, at(e.rows[0]))
		})
	})
}

func (s isa) batchNormGrad() {
	name := s.text("batchNormGrad", "adds a·dy + (p·(x − mean) + q) to dx "+size, "func(dx, dy, x, mean, a, p, q *float32, c, rows int)")
	e := s.eachRow(name, []string{"dx", "dy", "x"}, []string{"mean", "a", "p", "q"})
	e.loop(func() {
		e.pass("_pass", func(at func(GPVirtual) Mem) {
			v, p, g := s.load(at(e.rows[2])), s.load(at(e.channels[2])), s.load(at(e.rows[1]))
			VSUBPS(at(e.channels[0]), v, v)
			VMULPS(p, v, v)
			VADDPS(at(e.channels[3]), v, v)
			VMULPS(at(e.channels[1]), g, g)
			VADDPS(v, g, v)
			VADDPS(at(e.rows[0]), v, v)
			VMOVUPS(v, at(e.rows[0]))
		})
	})
}

// columns walks rows, ld elements apart, for one block of channels after the other,
// whose float64 sums stay in registers meanwhile: len(sums) for each of a block's units,
// a unit being as many channels as a vector has float64.
type columns struct {
	isa
	name  string
	sums  []GPVirtual // [c] float64 each
	reads []GPVirtual // the operands, which move from row to row
	mean  GPVirtual   // [c], or nil
}

func (s isa) half() VecVirtual {
	if s.width == 64 {
		return YMM()
	}
	return XMM()
}

// walk generates the loops. body adds one unit, whose floats are at the memory of every
// operand, to its sums.
func (w columns) walk(body func(at []Mem, mean VecVirtual, sums []VecVirtual)) {
	c, ld, rows := pointer("c"), pointer("ld"), pointer("rows")
	SHLQ(Imm(2), c)
	SHLQ(Imm(2), ld)
	left, back := GP64(), GP64()
	MOVQ(rows, back)
	IMULQ(ld, back)
	bytes := w.width / 2 // of a unit's floats
	blocks := []int{8, 2}
	if w.width == 32 {
		blocks = []int{4}
	}
	Label(w.name + "_block")
	for _, units := range blocks {
		label := fmt.Sprintf("%s_%d", w.name, units)
		if units > blocks[len(blocks)-1] {
			CMPQ(c, U32(units*bytes))
			JL(LabelRef(label + "_narrower"))
		}
		sums := make([][]VecVirtual, units)
		means := make([]VecVirtual, units)
		for u := range units {
			for _, p := range w.sums {
				sums[u] = append(sums[u], w.load(Mem{Base: p, Disp: u * w.width}))
			}
			if w.mean != nil {
				means[u] = w.half()
				VMOVUPS(Mem{Base: w.mean, Disp: u * bytes}, means[u])
			}
		}
		MOVQ(rows, left)
		Label(label + "_row")
		for u := range units {
			var at []Mem
			for _, p := range w.reads {
				at = append(at, Mem{Base: p, Disp: u * bytes})
			}
			body(at, means[u], sums[u])
		}
		for _, p := range w.reads {
			ADDQ(ld, p)
		}
		DECQ(left)
		JG(LabelRef(label + "_row"))
		for u := range units {
			for k, p := range w.sums {
				VMOVUPS(sums[u][k], Mem{Base: p, Disp: u * w.width})
			}
		}
		for _, p := range w.sums {
			ADDQ(U32(units*w.width), p)
		}
		for _, p := range w.reads {
			SUBQ(back, p)
			ADDQ(U32(units*bytes), p)
		}
		if w.mean != nil {
			ADDQ(U32(units*bytes), w.mean)
		}
		SUBQ(U32(units*bytes), c)
		JG(LabelRef(w.name + "_block"))
		JMP(LabelRef(w.name + "_end"))
		if units > blocks[len(blocks)-1] {
			Label(label + "_narrower")
		}
	}
	Label(w.name + "_end")
	end()
}

// deviation returns x − mean of a unit in float64.
func (s isa) deviation(x Mem, mean VecVirtual) VecVirtual {
	d, wide := s.half(), s.vector()
	VMOVUPS(x, d)
	VSUBPS(mean, d, d)
	VCVTPS2PD(d, wide)
	return wide
}

func (s isa) channelSums() {
	name := s.text("channelSums", "adds Σ x to sum, in float64, "+size+" which are ld elements apart;",
		"func(sum *float64, x *float32, c, ld, rows int)")
	w := columns{s, name, pointers("sum"), pointers("x"), nil}
	w.walk(func(at []Mem, _ VecVirtual, sums []VecVirtual) {
		x := s.vector()
		VCVTPS2PD(at[0], x)
		VADDPD(x, sums[0], sums[0])
	})
}

func (s isa) channelSquares() {
	name := s.text("channelSquares", "adds Σ (x − mean)² to sum, in float64, "+size+" which are ld elements apart;",
		"func(sum *float64, x, mean *float32, c, ld, rows int)")
	w := columns{s, name, pointers("sum"), pointers("x"), pointer("mean")}
	w.walk(func(at []Mem, mean VecVirtual, sums []VecVirtual) {
		d := s.deviation(at[0], mean)
		VFMADD231PD(d, d, sums[0])
	})
}

func (s isa) channelDots() {
	name := s.text("channelDots", "adds Σ dy·(x − mean) to dot and Σ dy to sum, in float64, "+size+" which are ld elements apart;",
		"func(dot, sum *float64, dy, x, mean *float32, c, ld, rows int)")
	w := columns{s, name, pointers("dot", "sum"), pointers("dy", "x"), pointer("mean")}
	w.walk(func(at []Mem, mean VecVirtual, sums []VecVirtual) {
		g := s.vector()
		VCVTPS2PD(at[0], g)
		d := s.deviation(at[1], mean)
		VFMADD231PD(d, g, sums[0])
		VADDPD(g, sums[1], sums[1])
	})
}

// total puts the sum of v's lanes in every lane.
func (s isa) total(v VecVirtual) {
	t := s.vector()
	if s.width == 64 {
		VSHUFF32X4(Imm(0x4e), v, v, t)
		VADDPS(t, v, v)
		VSHUFF32X4(Imm(0xb1), v, v, t)
	} else {
		VPERM2F128(Imm(1), v, v, t)
	}
	VADDPS(t, v, v)
	for _, order := range []uint64{0x4e, 0xb1} {
		VPERMILPS(Imm(order), v, t)
		VADDPS(t, v, v)
	}
}

func (s isa) layerNorm() {
	name := s.text("layerNorm", "computes mean, rstd = 1/√(variance + eps) and y = (x − mean)·rstd·w + b of every row; share is 1/c; "+size,
		"func(y, mean, rstd, x, w, b *float32, c, rows int, share, eps float32)")
	mean, rstd := pointer("mean"), pointer("rstd")
	share, one, eps := s.scalar("share"), XMM(), XMM()
	bits := GP32()
	MOVL(U32(math.Float32bits(1)), bits)
	VMOVD(bits, one)
	VBROADCASTSS(argument("eps"), eps)
	e := s.eachRow(name, []string{"y", "x"}, []string{"w", "b"})
	y, x, w, b := e.rows[0], e.rows[1], e.channels[0], e.channels[1]
	e.loop(func() {
		sums := s.zeros(2)
		e.pass("_sum", func(at func(GPVirtual) Mem) {
			VADDPS(at(x), sums[0], sums[0])
		})
		s.total(sums[0])
		m := s.vector()
		VMULPS(share, sums[0], m)
		e.pass("_squares", func(at func(GPVirtual) Mem) {
			d := s.load(at(x))
			VSUBPS(m, d, d)
			VFMADD231PS(d, d, sums[1])
		})
		s.total(sums[1])
		VMULPS(share, sums[1], sums[1])
		narrow, scale := sums[1].AsX(), s.vector()
		VADDPS(eps, narrow, narrow)
		VSQRTPS(narrow, narrow)
		VDIVPS(narrow, one, narrow)
		VMOVSS(m.AsX(), Mem{Base: mean})
		VMOVSS(narrow, Mem{Base: rstd})
		VBROADCASTSS(narrow, scale)
		ADDQ(Imm(4), mean)
		ADDQ(Imm(4), rstd)
		e.pass("_normalize", func(at func(GPVirtual) Mem) {
			v := s.load(at(x))
			VSUBPS(m, v, v)
			VMULPS(scale, v, v)
			weight := s.load(at(w))
			VFMADD213PS(at(b), weight, v)
			VMOVUPS(v, at(y))
		})
	})
}

func (s isa) layerNormGrad() {
	name := s.text("layerNormGrad", "adds Σ dy·x̂ to dw, Σ dy to db and rstd·(dy·w − mean(dy·w) − x̂·mean(dy·w·x̂)) to dx, x̂ = (x − mean)·rstd; share is 1/c; "+size,
		"func(dx, dw, db, dy, x, w, mean, rstd *float32, c, rows int, share float32)")
	mean, rstd := pointer("mean"), pointer("rstd")
	share := s.scalar("share")
	e := s.eachRow(name, []string{"dx", "dy", "x"}, []string{"dw", "db", "w"})
	dx, g, x, dw, db, w := e.rows[0], e.rows[1], e.rows[2], e.channels[0], e.channels[1], e.channels[2]
	e.loop(func() {
		m, scale := s.vector(), s.vector()
		VBROADCASTSS(Mem{Base: mean}, m)
		VBROADCASTSS(Mem{Base: rstd}, scale)
		ADDQ(Imm(4), mean)
		ADDQ(Imm(4), rstd)
		sums := s.zeros(2) // of g·w and of g·w·x̂
		normal := func(at func(GPVirtual) Mem) VecVirtual {
			h := s.load(at(x))
			VSUBPS(m, h, h)
			VMULPS(scale, h, h)
			return h
		}
		e.pass("_sums", func(at func(GPVirtual) Mem) {
			h, v := normal(at), s.load(at(g))
			sumW, sumB := s.load(at(dw)), s.load(at(db))
			VFMADD231PS(v, h, sumW)
			VADDPS(v, sumB, sumB)
			VMOVUPS(sumW, at(dw))
			VMOVUPS(sumB, at(db))
			VMULPS(at(w), v, v)
			VADDPS(v, sums[0], sums[0])
			VFMADD231PS(v, h, sums[1])
		})
		for _, sum := range sums {
			s.total(sum)
			VMULPS(share, sum, sum)
		}
		e.pass("_dx", func(at func(GPVirtual) Mem) {
			h, v, to := normal(at), s.load(at(g)), s.load(at(dx))
			VMULPS(at(w), v, v)
			VSUBPS(sums[0], v, v)
			VFNMADD231PS(h, sums[1], v)
			VFMADD231PS(v, scale, to)
			VMOVUPS(to, at(dx))
		})
	})
}
