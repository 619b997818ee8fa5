//go:build ignore

// Gen writes the loops over rows, vector_amd64.s, and their Go declarations,
// vector_amd64.go. Run it by go generate in the parent directory.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	mix()
	binomial()
	float()
	gather()
	turn()
	color()
	Generate()
}

func begin(name, doc, signature string) {
	TEXT(name, NOSPLIT, signature)
	Doc(name + " " + doc)
	Pragma("noescape")
}

func pointers(names ...string) []Register {
	var ps []Register
	for _, name := range names {
		ps = append(ps, Load(Param(name), GP64()))
	}
	return ps
}

// everywhere is a float32 argument in all lanes.
func everywhere(name string, v VecVirtual) VecVirtual {
	at, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(at.Addr, v)
	return v
}

// loop runs body n > 0 times.
func loop(label string, n Register, body func()) {
	Label(label)
	body()
	DECQ(n)
	JNE(LabelRef(label))
	VZEROUPPER()
	RET()
}

func mix() {
	begin("lerp8", "is Lerp of 8n values.", "func(out, a, b *float32, n int, ka, kb float32)")
	p := pointers("out", "a", "b")
	n := Load(Param("n"), GP64())
	g, f := everywhere("ka", YMM()), everywhere("kb", YMM())
	loop("mix8_loop", n, func() {
		x, y := YMM(), YMM()
		VMULPS(Mem{Base: p[1]}, g, x)
		VMULPS(Mem{Base: p[2]}, f, y)
		VADDPS(y, x, x)
		VMOVUPS(x, Mem{Base: p[0]})
		for _, r := range p {
			ADDQ(Imm(32), r)
		}
	})
}

func binomial() {
	begin("binomial8", "is Binomial of 8n values.", "func(out, a, b, c, d, e *float32, n int)")
	p := pointers("out", "a", "b", "c", "d", "e")
	n := Load(Param("n"), GP64())
	constant := func(v float32) VecVirtual {
		bits, low, all := GP32(), XMM(), YMM()
		MOVL(U32(math.Float32bits(v)), bits)
		VMOVD(bits, low)
		VBROADCASTSS(low, all)
		return all
	}
	outer, inner, center := constant(1.0/16), constant(4.0/16), constant(6.0/16)
	loop("binomial8_loop", n, func() {
		x, y, z := YMM(), YMM(), YMM()
		VMOVUPS(Mem{Base: p[1]}, x)
		VADDPS(Mem{Base: p[5]}, x, x)
		VMULPS(outer, x, x)
		VMOVUPS(Mem{Base: p[2]}, y)
		VADDPS(Mem{Base: p[4]}, y, y)
		VMULPS(inner, y, y)
		VADDPS(y, x, x)
		VMULPS(Mem{Base: p[3]}, center, z)
		VADDPS(z, x, x)
		VMOVUPS(x, Mem{Base: p[0]})
		for _, r := range p {
			ADDQ(Imm(32), r)
		}
	})
}

func float() {
	begin("float8", "is Float of 8n values.", "func(out *float32, in *uint8, n int)")
	p := pointers("out", "in")
	n := Load(Param("n"), GP64())
	loop("float8_loop", n, func() {
		x := YMM()
		VPMOVZXBD(Mem{Base: p[1]}, x)
		VCVTDQ2PS(x, x)
		VMOVUPS(x, Mem{Base: p[0]})
		ADDQ(Imm(32), p[0])
		ADDQ(Imm(8), p[1])
	})
}

func gather() {
	begin("gather1", "is Gather of n pixels. It reads a fourth value at each place of in, and writes one behind the last.",
		"func(out, in *float32, taps *int32, n int)")
	p := pointers("out", "in", "taps")
	n := Load(Param("n"), GP64())
	loop("gather1_loop", n, func() {
		a, b := GP64(), GP64()
		MOVLQSX(Mem{Base: p[2]}, a)
		MOVLQSX(Mem{Base: p[2], Disp: 4}, b)
		f, g := XMM(), XMM()
		VBROADCASTSS(Mem{Base: p[2], Disp: 8}, f)
		VBROADCASTSS(Mem{Base: p[2], Disp: 12}, g)
		VMULPS(Mem{Base: p[1], Index: a, Scale: 4}, g, g)
		VMULPS(Mem{Base: p[1], Index: b, Scale: 4}, f, f)
		VADDPS(f, g, g)
		VMOVUPS(g, Mem{Base: p[0]})
		ADDQ(Imm(12), p[0])
		ADDQ(Imm(16), p[2])
	})
}

func turn() {
	begin("remap1", "is Remap of n pixels. It reads a fourth value at each place of in, and writes one behind the last.",
		"func(out, in *float32, width int, xs, ys *int32, x, y int32, shares *[32][32][4]float32, n int)")
	p := pointers("out", "in", "xs", "ys", "shares")
	out, in, xs, ys, shares := p[0], p[1], p[2], p[3], p[4]
	width := Load(Param("width"), GP64()) // bytes of a row of in
	LEAQ(Mem{Base: width, Index: width, Scale: 2}, width)
	SHLQ(Imm(2), width)
	x0, y0 := Load(Param("x"), GP32()), Load(Param("y"), GP32())
	n := Load(Param("n"), GP64())
	loop("turn1_loop", n, func() {
		x, y := GP32(), GP32()
		MOVL(Mem{Base: xs}, x)
		MOVL(Mem{Base: ys}, y)
		ADDL(x0, x)
		ADDL(y0, y)
		SARL(Imm(5), x) // 32nds of a pixel
		SARL(Imm(5), y)
		share, fraction := GP32(), GP32()
		MOVL(y, share)
		ANDL(Imm(31), share)
		SHLL(Imm(9), share)
		MOVL(x, fraction)
		ANDL(Imm(31), fraction)
		SHLL(Imm(4), fraction)
		ADDL(fraction, share)
		SARL(Imm(5), x)
		SARL(Imm(5), y)
		at, column := GP64(), GP64()
		MOVLQSX(y, at)
		IMULQ(width, at)
		MOVLQSX(x, column)
		LEAQ(Mem{Base: column, Index: column, Scale: 2}, column)
		LEAQ(Mem{Base: at, Index: column, Scale: 4}, at)
		ADDQ(in, at)
		k := func(i int) VecVirtual {
			v := XMM()
			VBROADCASTSS(Mem{Base: shares, Index: share.As64(), Scale: 1, Disp: 4 * i}, v)
			return v
		}
		sum, v := k(0), k(1)
		VMULPS(Mem{Base: at}, sum, sum)
		VMULPS(Mem{Base: at, Disp: 12}, v, v)
		VADDPS(v, sum, sum)
		v = k(2)
		VMULPS(Mem{Base: at, Index: width, Scale: 1}, v, v)
		VADDPS(v, sum, sum)
		v = k(3)
		VMULPS(Mem{Base: at, Index: width, Scale: 1, Disp: 12}, v, v)
		VADDPS(v, sum, sum)
		VMOVUPS(sum, Mem{Base: out})
		ADDQ(Imm(12), out)
		ADDQ(Imm(4), xs)
		ADDQ(Imm(4), ys)
	})
}

func color() {
	begin("color8", "is Color of 8n pixels.", "func(rgb, luma, cb, cr *uint8, n int)")
	p := pointers("rgb", "luma", "cb", "cr")
	n := Load(Param("n"), GP64())
	constant := func(v int32) VecVirtual {
		bits, low, all := GP32(), XMM(), YMM()
		MOVL(U32(uint32(v)), bits)
		VMOVD(bits, low)
		VPBROADCASTD(low, all)
		return all
	}
	middle, half := constant(128), constant(1<<15)
	red, blue := constant(91881), constant(116130)
	green1, green2 := constant(-22554), constant(-46802)
	// Bytes r0 r1 r2 r3 g0 … b3 0… of a half to r0 g0 b0 r1 …
	table := GLOBL("colorOrder", RODATA|NOPTR)
	for half := range 2 {
		for i := range 16 {
			v := uint8(0x80)
			if i < 12 {
				v = uint8(i%3*4 + i/3)
			}
			DATA(16*half+i, U8(v))
		}
	}
	order := YMM()
	VMOVDQU(table, order)
	loop("color8_loop", n, func() {
		y, u, v := YMM(), YMM(), YMM()
		VPMOVZXBD(Mem{Base: p[1]}, y)
		VPMOVZXBD(Mem{Base: p[2]}, u)
		VPMOVZXBD(Mem{Base: p[3]}, v)
		VPSUBD(middle, u, u)
		VPSUBD(middle, v, v)
		finish := func(x VecVirtual) VecVirtual {
			VPADDD(half, x, x)
			VPSRAD(Imm(16), x, x)
			VPADDD(y, x, x)
			return x
		}
		r, g, t, b := YMM(), YMM(), YMM(), YMM()
		VPMULLD(red, v, r)
		VPMULLD(green1, u, g)
		VPMULLD(green2, v, t)
		VPADDD(t, g, g)
		VPMULLD(blue, u, b)
		finish(r)
		finish(g)
		finish(b)
		VPACKSSDW(g, r, r)
		VPACKSSDW(b, b, b)
		VPACKUSWB(b, r, r)
		VPSHUFB(order, r, r)
		// Each half holds 12 bytes; the second is stored over the 4 zeros of the first.
		VMOVDQU(r.AsX(), Mem{Base: p[0]})
		high := XMM()
		VEXTRACTI128(Imm(1), r, high)
		VMOVQ(high, Mem{Base: p[0], Disp: 12})
		VPEXTRD(Imm(2), high, Mem{Base: p[0], Disp: 20})
		ADDQ(Imm(24), p[0])
		for _, q := range p[1:] {
			ADDQ(Imm(8), q)
		}
	})
}
