//go:build ignore

package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The constants of softmax, the coefficients of 2ᶠ from the highest on.
var softmaxConstants = []float32{math.Log2E, -1e38, 0.009570102207362652, 0.05591786280274391, 0.240247443318367, 0.6931217908859253, 0.9999992847442627}

// softmax generates the probabilities of rows of scores, as pairs of bf16.
//
// e^(scale·(x−top)) is 2ⁿ·2ᶠ with r = scale·log₂e, n + f = r·x − r·top and |f| ≤ 1/2. The polynomial for 2ᶠ, of
// the least maximum relative error, is off by 2.6e-6, where the rounding to bf16 is off by up
// to 2⁻⁸. Lanes behind the last key hold −10³⁸, which gives 0; NaN stays NaN.
func softmax() {
	const name = "softmaxBF16"
	TEXT(name, NOSPLIT, "func(p *float32, width int, s *float32, ld, rows, keys int, scale float32, top, sum *float32)")
	Doc(name + " is a softmaxFunc for AVX512_BF16.")
	Pragma("noescape")
	dst, width := Load(Param("p"), GP64()), Load(Param("width"), GP64())
	src, ld := Load(Param("s"), GP64()), Load(Param("ld"), GP64())
	rows := Load(Param("rows"), GP64())
	keys := Load(Param("keys"), GP64())
	top, sum := Load(Param("top"), GP64()), Load(Param("sum"), GP64())
	SHLQ(Imm(2), width)
	SHLQ(Imm(2), ld)
	rest, bits := GP64(), GP64()
	MOVQ(keys, rest)
	ANDQ(Imm(31), rest)
	lowBits(rest, bits)
	KMOVW(bits.As32(), K1)
	SHRQ(Imm(16), bits)
	KMOVW(bits.As32(), K2)
	SHRQ(Imm(5), keys)

	table := GLOBL(name+"_constants", RODATA|NOPTR)
	constants := []VecPhysical{Z16, Z17, Z18, Z19, Z20, Z21, Z22}
	for i, c := range softmaxConstants {
		DATA(4*i, U32(math.Float32bits(c)))
		VBROADCASTSS(table.Offset(4*i), constants[i])
	}
	scale, err := Param("scale").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(scale.Addr, Z5)
	VMULPS(Z5, Z16, Z16)
	rate, fill, polynomial := Z16, Z17, constants[2:] // rate is scale·log₂e

	// whole runs body for the blocks of 32 scores at from, and rest for what is left of them.
	from, to, blocks := GP64(), GP64(), GP64()
	whole := func(part string, body, last func()) {
		loop, tail, end := name+"_"+part, name+"_"+part+"_tail", name+"_"+part+"_end"
		MOVQ(src, from)
		MOVQ(keys, blocks)
		TESTQ(blocks, blocks)
		JEQ(LabelRef(tail))
		Label(loop)
		body()
		ADDQ(Imm(128), from)
		DECQ(blocks)
		JNE(LabelRef(loop))
		Label(tail)
		TESTQ(rest, rest)
		JEQ(LabelRef(end))
		last()
		Label(end)
	}
	// across puts what combine makes of all lanes of z into every lane.
	across := func(z VecPhysical, combine func(a, b, dst VecPhysical)) {
		for _, order := range []uint64{0x4e, 0xb1} {
			VSHUFF32X4(Imm(order), z, z, Z7)
			combine(Z7, z, z)
		}
		for _, order := range []uint64{0x4e, 0xb1} {
			VPERMILPS(Imm(order), z, Z7)
			combine(Z7, z, z)
		}
	}
	low, high := Mem{Base: from}, Mem{Base: from, Disp: 64}

	Label(name + "_row")
	VBROADCASTSS(Mem{Base: top}, Z0)
	VMOVAPS(Z0, Z1)
	whole("max", func() {
		VMAXPS(low, Z0, Z0)
		VMAXPS(high, Z1, Z1)
	}, func() {
		VMAXPS(low, Z0, K1, Z0)
		VMAXPS(high, Z1, K2, Z1)
	})
	VMAXPS(Z1, Z0, Z0)
	across(Z0, func(a, b, dst VecPhysical) { VMAXPS(a, b, dst) })
	VMOVSS(X0, Mem{Base: top})
	VMULPS(rate, Z0, Z0)

	VPXORD(Z8, Z8, Z8)
	VPXORD(Z9, Z9, Z9)
	MOVQ(dst, to)
	power := func() {
		for i, x := range []VecPhysical{Z3, Z4} {
			n, p := []VecPhysical{Z5, Z6}[i], []VecPhysical{Z10, Z11}[i]
			VFMSUB213PS(Z0, rate, x)
			VRNDSCALEPS(Imm(0), x, n)
			VSUBPS(n, x, x)
			VMOVAPS(polynomial[0], p)
			for _, c := range polynomial[1:] {
				VFMADD213PS(c, x, p)
			}
			VSCALEFPS(n, p, p)
			VADDPS(p, []VecPhysical{Z8, Z9}[i], []VecPhysical{Z8, Z9}[i])
		}
		vcvtne2ps2bf16(Z10, Z11, Z2)
		VMOVUPS(Z2, Mem{Base: to})
		ADDQ(Imm(64), to)
	}
	whole("power", func() {
		VMOVUPS(low, Z3)
		VMOVUPS(high, Z4)
		power()
	}, func() {
		VMOVAPS(fill, Z3)
		VMOVAPS(fill, Z4)
		VMOVUPS(low, K1, Z3)
		VMOVUPS(high, K2, Z4)
		power()
	})
	VADDPS(Z9, Z8, Z8)
	across(Z8, func(a, b, dst VecPhysical) { VADDPS(a, b, dst) })
	VMOVSS(X8, Mem{Base: sum})

	ADDQ(ld, src)
	ADDQ(width, dst)
	ADDQ(Imm(4), top)
	ADDQ(Imm(4), sum)
	DECQ(rows)
	JNE(LabelRef(name + "_row"))
	VZEROUPPER()
	RET()
}
