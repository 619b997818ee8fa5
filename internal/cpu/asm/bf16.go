//go:build ignore

package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The instructions of AVX512_BF16 on registers of 512 bits, which Go's assembler does not
// know: map 0F38, no mask.
const (
	prefixF2 = 3
	prefixF3 = 2
)

// vdpbf16ps adds the products of pairs: every lane of to gets
// + a[odd]·b[odd] + a[even]·b[even], a and b in bf16.
func vdpbf16ps(a, b, to VecPhysical) { encoded(prefixF3, 0x52, a, b, to) }

// vcvtne2ps2bf16 rounds the 16 float32 of low and of high to the 32 bf16 of to, to nearest,
// ties to even.
func vcvtne2ps2bf16(low, high, to VecPhysical) { encoded(prefixF2, 0x72, low, high, to) }

// encoded writes an instruction to = f(first, second), first being the operand that could
// be memory (ModRM.rm). The bits of registers in the prefix are inverted.
func encoded(prefix, opcode byte, first, second, to VecPhysical) {
	rm, v, reg := number(first), number(second), number(to)
	not := func(n byte, bit, at uint) byte { return (^n >> bit & 1) << at }
	b := [6]byte{0x62,
		not(reg, 3, 7) | not(rm, 4, 6) | not(rm, 3, 5) | not(reg, 4, 4) | 2,
		^v&15<<3 | 1<<2 | prefix,
		2<<5 | not(v, 4, 3),
		opcode,
		3<<6 | reg&7<<3 | rm&7,
	}
	Instruction(&ir.Instruction{
		Opcode:   "LONG",
		Operands: []Op{U32(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24)},
		Inputs:   []Op{first, second, to},
		Outputs:  []Op{to},
		ISA:      []string{"AVX512_BF16"},
	})
	Instruction(&ir.Instruction{Opcode: "WORD", Operands: []Op{U16(uint16(b[4]) | uint16(b[5])<<8)}})
}

func number(r VecPhysical) byte { return byte(r.(Physical).PhysicalIndex()) }

// roundRows generates the rounding of rows to pairs of bf16.
func roundRows() {
	TEXT("roundRowsBF16", NOSPLIT, "func(dst *float32, width int, src *float32, ld, rows, n int)")
	Doc("roundRowsBF16 rounds n > 0 float32 of each of rows > 0 rows of src to bf16, to nearest, ties",
		"to even, and packs them in pairs, the first one low: row i is ⌈n/2⌉ elements from dst[i·width]",
		"on, of src[i·ld:]. Of an odd n the last pair's second value is 0.")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	width := Load(Param("width"), GP64())
	src := Load(Param("src"), GP64())
	ld := Load(Param("ld"), GP64())
	rows := Load(Param("rows"), GP64())
	n := Load(Param("n"), GP64())
	SHLQ(Imm(2), width)
	SHLQ(Imm(2), ld)
	// Of the last n mod 32 values the low and the high 16, and their pairs.
	rest, bits := GP64(), GP64()
	MOVQ(n, rest)
	ANDQ(Imm(31), rest)
	MOVQ(rest, RCX)
	MOVQ(U32(1), bits)
	SHLQ(CL, bits)
	DECQ(bits)
	KMOVW(bits.As32(), K1)
	SHRQ(Imm(16), bits)
	KMOVW(bits.As32(), K2)
	INCQ(RCX)
	SHRQ(Imm(1), RCX)
	MOVQ(U32(1), bits)
	SHLQ(CL, bits)
	DECQ(bits)
	KMOVW(bits.As32(), K3)
	SHRQ(Imm(5), n)
	from, to, blocks := GP64(), GP64(), GP64()
	Label("roundRows_row")
	MOVQ(src, from)
	MOVQ(dst, to)
	MOVQ(n, blocks)
	TESTQ(blocks, blocks)
	JEQ(LabelRef("roundRows_rest"))
	Label("roundRows_block")
	VMOVUPS(Mem{Base: from}, Z0)
	VMOVUPS(Mem{Base: from, Disp: 64}, Z1)
	vcvtne2ps2bf16(Z0, Z1, Z2)
	VMOVUPS(Z2, Mem{Base: to})
	ADDQ(Imm(128), from)
	ADDQ(Imm(64), to)
	DECQ(blocks)
	JNE(LabelRef("roundRows_block"))
	Label("roundRows_rest")
	TESTQ(rest, rest)
	JEQ(LabelRef("roundRows_next"))
	VMOVUPS_Z(Mem{Base: from}, K1, Z0)
	VMOVUPS_Z(Mem{Base: from, Disp: 64}, K2, Z1)
	vcvtne2ps2bf16(Z0, Z1, Z2)
	VMOVUPS(Z2, K3, Mem{Base: to})
	Label("roundRows_next")
	ADDQ(ld, src)
	ADDQ(width, dst)
	DECQ(rows)
	JNE(LabelRef("roundRows_row"))
	VZEROUPPER()
	RET()
}
