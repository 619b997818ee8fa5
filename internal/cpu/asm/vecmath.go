//go:build ignore

// Vecmath writes the kernels over slices, vecmath_kernels_amd64.s, and their Go
// declarations, vecmath_kernels_amd64.go. Run it by go generate in the parent directory.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

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
	zmm, ymm := func() VecVirtual { return ZMM() }, func() VecVirtual { return YMM() }
	exp("expAVX512", "expAVX512 is expKernel with AVX-512F.", 64, zmm, constant, bias)
	exp("expAVX2", "expAVX2 is expKernel with AVX2 and FMA.", 32, ymm, constant, bias)
	maximum("maxAVX512", "maxAVX512 is maxKernel with AVX-512F.", 64, zmm)
	maximum("maxAVX2", "maxAVX2 is maxKernel with AVX2.", 32, ymm)
	Generate()
}

// exp writes a kernel of the exponential and its sum; width is the bytes of a vector.
func exp(name, doc string, width int, vector func() VecVirtual, constant func(int) Mem, bias Mem) {
	TEXT(name, NOSPLIT, "func(dst, src *float32, n int, shift float32) float32")
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

	finish(sum, width, func(a, b, dst VecVirtual) { VADDPS(a, b, dst) })
}

// maximum writes a kernel of the largest element.
func maximum(name, doc string, width int, vector func() VecVirtual) {
	TEXT(name, NOSPLIT, "func(src *float32, n int) float32")
	Doc(doc)
	Pragma("noescape")
	src, n := Load(Param("src"), GP64()), Load(Param("n"), GP64())
	top := vector()
	VMOVUPS(Mem{Base: src}, top)
	JMP(LabelRef(name + "_next"))
	Label(name + "_loop")
	VMAXPS(Mem{Base: src}, top, top)
	Label(name + "_next")
	ADDQ(Imm(uint64(width)), src)
	SUBQ(Imm(uint64(width/4)), n)
	JG(LabelRef(name + "_loop"))
	finish(top, width, func(a, b, dst VecVirtual) { VMAXPS(a, b, dst) })
}

// finish combines all lanes of v into one, which the function returns.
func finish(v VecVirtual, width int, combine func(a, b, dst VecVirtual)) {
	y := v.AsY().(VecVirtual)
	if width == 64 {
		upper := YMM()
		VEXTRACTF64X4(Imm(1), v, upper)
		combine(upper, y, y)
	}
	x, other := XMM(), XMM()
	VEXTRACTF128(Imm(1), y, other)
	combine(other, y.AsX().(VecVirtual), x)
	for _, order := range []uint64{0b01001110, 0b10110001} {
		VPERMILPS(Imm(order), x, other)
		combine(other, x, x)
	}
	VZEROUPPER()
	Store(x, ReturnIndex(0))
	RET()
}
