//go:build ignore

// Exp writes the exponential of slices, exp_amd64.s, and its Go declarations,
// exp_amd64.go. Run it by go generate in the parent directory.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const signature = "func(dst, src *float32, n int, shift float32) float32"

// The constants, 16 copies each, in the order of their use.
var constants = []float32{
	-104, 89, // beyond them the result is 0 or +Inf: clamping keeps the exponent small
	1.4426950408889634,
	0.693359375, -2.12194440054690583e-4, // ln2 in two parts, as in vecmath.go
	1. / 5040, 1. / 720, 1. / 120, 1. / 24, 1. / 6, 0.5, 1, 1,
}

func main() {
	ConstraintExpr("amd64")
	table := GLOBL("expConstants", RODATA|NOPTR)
	for i, c := range constants {
		for lane := range 16 {
			DATA((i*16+lane)*4, U32(math.Float32bits(c)))
		}
	}
	bias := GLOBL("expBias", RODATA|NOPTR)
	for lane := range 8 {
		DATA(lane*4, U32(127))
	}
	constant := func(i int) Mem { return table.Offset(i * 64) }
	generate("expAVX512", "expAVX512 is expFunc with AVX-512F.", 64, func() VecVirtual { return ZMM() }, constant, bias)
	generate("expAVX2", "expAVX2 is expFunc with AVX2 and FMA.", 32, func() VecVirtual { return YMM() }, constant, bias)
	Generate()
}

// generate writes one kernel; width is the bytes of a vector.
func generate(name, doc string, width int, vector func() VecVirtual, constant func(int) Mem, bias Mem) {
	TEXT(name, NOSPLIT, signature)
	Doc(doc)
	Pragma("noescape")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	n := Load(Param("n"), GP64())
	shift, low, high, sum := vector(), vector(), vector(), vector()
	at, err := Param("shift").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(at.Addr, shift)
	VMOVUPS(constant(0), low)
	VMOVUPS(constant(1), high)
	if width == 64 {
		VPXORD(sum, sum, sum)
	} else {
		VXORPS(sum, sum, sum)
	}
	Label(name + "_loop")
	x, t, p := vector(), vector(), vector()
	VMOVUPS(Mem{Base: src}, x)
	VSUBPS(shift, x, x)
	VMAXPS(x, low, x) // x as the second source: NaN stays NaN
	VMINPS(x, high, x)
	VMULPS(constant(2), x, t)
	if width == 64 {
		VRNDSCALEPS(Imm(0), t, t)
	} else {
		VROUNDPS(Imm(0), t, t)
	}
	VFNMADD231PS(constant(3), t, x)
	VFNMADD231PS(constant(4), t, x)
	VMOVUPS(constant(5), p)
	for i := 6; i < len(constants); i++ {
		VFMADD213PS(constant(i), x, p)
	}
	if width == 64 {
		VSCALEFPS(t, p, p)
	} else {
		half := vector() // 2ⁿ in two factors, each a normal number
		VCVTPS2DQ(t, t)
		VPSRAD(Imm(1), t, half)
		VPSUBD(half, t, t)
		for _, power := range []VecVirtual{half, t} {
			VPADDD(bias, power, power)
			VPSLLD(Imm(23), power, power)
			VMULPS(power, p, p)
		}
	}
	VMOVUPS(p, Mem{Base: dst})
	VADDPS(p, sum, sum)
	ADDQ(Imm(uint64(width)), src)
	ADDQ(Imm(uint64(width)), dst)
	SUBQ(Imm(uint64(width/4)), n)
	JG(LabelRef(name + "_loop"))

	low128 := foldHalves(sum, width)
	other := XMM()
	VPERMILPS(Imm(0b01001110), low128, other)
	VADDPS(other, low128, low128)
	VPERMILPS(Imm(0b10110001), low128, other)
	VADDPS(other, low128, low128)
	VZEROUPPER()
	Store(low128, ReturnIndex(0))
	RET()
}

// foldHalves adds the upper lanes of sum to the lower until four are left.
func foldHalves(sum VecVirtual, width int) VecVirtual {
	y := sum.AsY()
	if width == 64 {
		upper := YMM()
		VEXTRACTF64X4(Imm(1), sum, upper)
		VADDPS(upper, y, y)
	}
	upper := XMM()
	VEXTRACTF128(Imm(1), y, upper)
	result := XMM()
	VADDPS(upper, y.(VecVirtual).AsX(), result)
	return result
}
