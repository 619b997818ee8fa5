//go:build ignore

// Amx writes the products of pairs of bf16 by AMX tiles, amx_amd64.s, and their Go
// declarations, amx_amd64.go. Run it by go generate in the parent directory.
//
// Neither Go's assembler nor avo knows the tile instructions. They are written as bytes, each
// under a comment that says which instruction it is; TestTileInstructions has a disassembler
// read the bytes and compares.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The epilogue bits; gemm_kernel.go has the same ones.
const (
	flagAccumulate = 1 << iota
	flagBias
	flagResidual
	flagReLU
)

// Prefixes of VEX instructions.
const (
	prefixNone = iota
	prefix66
	prefixF3
	prefixF2
)

func main() {
	ConstraintExpr("amd64")
	cpuid()
	xgetbv()
	column()
	Generate()
}

func cpuid() {
	TEXT("cpuLeaf", NOSPLIT, "func(leaf, sub uint32) (eax, ebx, ecx, edx uint32)")
	Doc("cpuLeaf is the instruction CPUID.")
	Load(Param("leaf"), EAX)
	Load(Param("sub"), ECX)
	CPUID()
	for i, r := range []Register{EAX, EBX, ECX, EDX} {
		Store(r, ReturnIndex(i))
	}
	RET()
}

func xgetbv() {
	TEXT("xcr0", NOSPLIT, "func() uint64")
	Doc("xcr0 is the register XCR0: what state the operating system saves. The processor must have OSXSAVE.")
	MOVL(U32(0), ECX)
	XGETBV()
	SHLQ(Imm(32), RDX)
	MOVL(EAX, EAX)
	ORQ(RDX, RAX)
	Store(RAX, ReturnIndex(0))
	RET()
}

// tileInstruction writes the VEX instruction of map 0F38 with an opcode, the tile or the
// digit reg in ModRM.reg, another tile in the prefix (0: none), and what follows.
func tileInstruction(text string, prefix, opcode, reg, v byte, extend byte, tail ...byte) {
	Comment(text)
	b := append([]byte{0xc4, 0xe2 &^ extend, (^v&15)<<3 | prefix, opcode}, tail...)
	b[4] |= reg << 3
	for len(b) > 0 {
		switch {
		case len(b) >= 4:
			directive("LONG", U32(uint32(b[0])|uint32(b[1])<<8|uint32(b[2])<<16|uint32(b[3])<<24))
			b = b[4:]
		case len(b) >= 2:
			directive("WORD", U16(uint16(b[0])|uint16(b[1])<<8))
			b = b[2:]
		default:
			directive("BYTE", U8(b[0]))
			b = b[1:]
		}
	}
}

func directive(name string, value Op) {
	Instruction(&ir.Instruction{Opcode: name, Operands: []Op{value}, Inputs: tileInputs, ISA: []string{"AMX-BF16"}})
}

// The registers of the tile instructions' operands. They are fixed, for their numbers stand in
// the bytes.
var (
	upper, lower = R8, R9 // rows 0 to 15 and 16 to 31 of A
	panel        = R10    // of B
	aStride      = R11    // bytes between rows of A
	bStride      = R12    // of B and of the work memory
	work         = RSI    // 32×32 sums
	config       = RDI
	tileInputs   = []Op{R8, R9, R10, R11, R12, RSI, RDI}
)

var names = map[Register]string{R8: "%r8", R9: "%r9", R10: "%r10", R11: "%r11", R12: "%r12", RSI: "%rsi", RDI: "%rdi"}

// address returns ModRM, SIB and displacement of disp(base, index), its text, and the bits of
// the prefix that the registers' numbers clear.
func address(base, index GPPhysical, disp int32) (tail []byte, text string, extend byte) {
	b, x := byte(base.PhysicalIndex()), byte(index.PhysicalIndex())
	tail = []byte{0x44, x&7<<3 | b&7, byte(disp)}
	if disp != int32(int8(disp)) {
		tail = []byte{0x84, x&7<<3 | b&7, byte(disp), byte(disp >> 8), byte(disp >> 16), byte(disp >> 24)}
	}
	return tail, fmt.Sprintf("%#x(%s,%s,1)", disp, names[base], names[index]), b>>3<<5 | x>>3<<6
}

// tileLoad and tileStore move rows that are index bytes apart.
func tileLoad(tile byte, base, index GPPhysical, disp int32) {
	tail, text, extend := address(base, index, disp)
	tileInstruction(fmt.Sprintf("tileloadd %s,%%tmm%d", text, tile), prefixF2, 0x4b, tile, 0, extend, tail...)
}

func tileStore(tile byte, base, index GPPhysical, disp int32) {
	tail, text, extend := address(base, index, disp)
	tileInstruction(fmt.Sprintf("tilestored %%tmm%d,%s", tile, text), prefixF3, 0x4b, tile, 0, extend, tail...)
}

func tileZero(tile byte) {
	tileInstruction(fmt.Sprintf("tilezero %%tmm%d", tile), prefixF2, 0x49, tile, 0, 0, 0xc0)
}

// tdpbf16ps adds the products of pairs of a's rows and b's columns to sum.
func tdpbf16ps(sum, a, b byte) {
	tileInstruction(fmt.Sprintf("tdpbf16ps %%tmm%d,%%tmm%d,%%tmm%d", b, a, sum), prefixF3, 0x5c, sum, b, 0, 0xc0|a)
}

// column generates the product of rows of A with one panel of B. The sums of 32×32 elements
// of C are in tiles 0 to 3, row by row; tiles 4 and 5 hold 16 pairs of 32 rows of A, 6 and 7 of
// 32 columns of B: four loads for four products. Sums leave the tiles through the work memory,
// which stays in the first-level cache, for AVX-512 to add the rest.
func column() {
	const name = "columnAMX"
	TEXT(name, NOSPLIT, "func(config *byte, steps int, a *float32, rs int, b, c *float32, ldc int, bias, residual *float32, flags, rows, cols int, work *float32)")
	Doc(name+" is a columnFunc for AMX-BF16 and AVX-512F. From the configuration of the tiles to their",
		"release it calls nothing, and Go moves no goroutine out of a function in assembly.")
	Pragma("noescape")
	Load(Param("config"), config)
	Load(Param("rs"), aStride)
	SHLQ(Imm(2), aStride)
	MOVQ(I32(128), bStride)
	Load(Param("work"), work)
	Load(Param("a"), upper)
	ldc := Load(Param("ldc"), GP64())
	SHLQ(Imm(2), ldc)
	c := Load(Param("c"), GP64())
	residual := Load(Param("residual"), GP64())
	left := Load(Param("rows"), GP64())
	flags := Load(Param("flags"), GP64())

	Comment("Columns of C, a bit each; the bias and the least value of an element.")
	Load(Param("cols"), RCX)
	bits := GP64()
	MOVQ(I32(1), bits)
	SHLQ(CL, bits)
	DECQ(bits)
	KMOVW(bits.As32(), K1)
	SHRQ(Imm(16), bits)
	KMOVW(bits.As32(), K2)
	bias := [2]VecPhysical{Z4, Z5}
	floor := Z6
	VPXORD(Z4, Z4, Z4)
	VPXORD(Z5, Z5, Z5)
	VPXORD(floor, floor, floor)
	TESTQ(U32(flagBias), flags)
	JEQ(LabelRef("column_bias_known"))
	from := Load(Param("bias"), GP64())
	VMOVUPS_Z(Mem{Base: from}, K1, Z4)
	VMOVUPS_Z(Mem{Base: from, Disp: 64}, K2, Z5)
	Label("column_bias_known")
	TESTQ(U32(flagReLU), flags)
	JNE(LabelRef("column_floor_known"))
	infinity := GP32()
	MOVL(U32(0xff800000), infinity)
	VPBROADCASTD(infinity, floor)
	Label("column_floor_known")

	tail := []byte{0x07} // (%rdi)
	tileInstruction("ldtilecfg (%rdi)", prefixNone, 0x49, 0, 0, 0, tail...)
	Label("column_tile")
	for t := range byte(4) {
		tileZero(t)
	}
	MOVQ(aStride, lower)
	SHLQ(Imm(4), lower)
	ADDQ(upper, lower)
	next := GP64()
	MOVQ(lower, next)
	SUBQ(upper, next)
	ADDQ(lower, next)
	Load(Param("b"), panel)
	steps := Load(Param("steps"), GP64())
	TESTQ(steps, steps)
	JEQ(LabelRef("column_sums"))
	Label("column_step")
	tileLoad(4, upper.(GPPhysical), aStride.(GPPhysical), 0)
	tileLoad(6, panel.(GPPhysical), bStride.(GPPhysical), 0)
	tdpbf16ps(0, 4, 6)
	tileLoad(7, panel.(GPPhysical), bStride.(GPPhysical), 64)
	tdpbf16ps(1, 4, 7)
	tileLoad(5, lower.(GPPhysical), aStride.(GPPhysical), 0)
	tdpbf16ps(2, 5, 6)
	tdpbf16ps(3, 5, 7)
	ADDQ(Imm(64), upper)
	ADDQ(Imm(64), lower)
	ADDQ(U32(16*128), panel)
	DECQ(steps)
	JNE(LabelRef("column_step"))
	Label("column_sums")
	for t := range byte(4) {
		tileStore(t, work.(GPPhysical), bStride.(GPPhysical), int32(t/2)*16*128+int32(t%2)*64)
	}
	MOVQ(next, upper)

	sums, rows := GP64(), GP64()
	MOVQ(work, sums)
	MOVQ(I32(32), rows)
	CMPQ(left, rows)
	CMOVQLT(left, rows)
	SUBQ(rows, left)
	masks := [2]OpmaskPhysical{K1, K2}
	Label("column_row")
	VMOVUPS(Mem{Base: sums}, Z0)
	VMOVUPS(Mem{Base: sums, Disp: 64}, Z1)
	add := func(p Register, flag int, done string) {
		TESTQ(U32(uint32(flag)), flags)
		JEQ(LabelRef(done))
		VMOVUPS_Z(Mem{Base: p}, K1, Z2)
		VMOVUPS_Z(Mem{Base: p, Disp: 64}, K2, Z3)
		VADDPS(Z2, Z0, Z0)
		VADDPS(Z3, Z1, Z1)
		Label(done)
	}
	add(c, flagAccumulate, "column_accumulated")
	for i, z := range []VecPhysical{Z0, Z1} {
		VADDPS(bias[i], z, z)
	}
	add(residual, flagResidual, "column_residual_added")
	for i, z := range []VecPhysical{Z0, Z1} {
		VMAXPS(z, floor, z) // x as the second source, so that NaN stays NaN
		VMOVUPS(z, masks[i], Mem{Base: c, Disp: 64 * i})
	}
	ADDQ(Imm(128), sums)
	ADDQ(ldc, c)
	ADDQ(ldc, residual)
	DECQ(rows)
	JNE(LabelRef("column_row"))
	TESTQ(left, left)
	JNE(LabelRef("column_tile"))
	tileInstruction("tilerelease", prefixNone, 0x49, 0, 0, 0, 0xc0)
	VZEROUPPER()
	RET()
}
