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

// term is one of the two bf16 that stand for a float32: what it is rounded to, or what is
// left of it, rounded.
type term struct {
	name, doc string
	rest      bool
}

var terms = []term{
	{"Rounded", "x rounded to bf16, to nearest, ties to even", false},
	{"Rest", "x − h rounded to bf16, h being x rounded to bf16, to nearest, ties to even", true},
}

// round turns the 16 float32 of low and of high into their term, the 32 bf16 of Z2. It uses
// Z3 and Z4.
func (t term) round(low, high VecPhysical) {
	vcvtne2ps2bf16(low, high, Z2)
	if !t.rest {
		return
	}
	VPMOVZXWD(Y2, Z3)
	VEXTRACTI64X4(Imm(1), Z2, Y4)
	VPMOVZXWD(Y4, Z4)
	VPSLLD(Imm(16), Z3, Z3)
	VPSLLD(Imm(16), Z4, Z4)
	VSUBPS(Z3, low, Z3)
	VSUBPS(Z4, high, Z4)
	vcvtne2ps2bf16(Z3, Z4, Z2)
}

// lowBits sets the lowest count bits of bits, count < 64. It uses CX.
func lowBits(count, bits GPVirtual) {
	MOVQ(count, RCX)
	MOVQ(U32(1), bits)
	SHLQ(CL, bits)
	DECQ(bits)
}

// alongRows generates the rounding of rows to pairs of bf16 that follow each other in a row.
func (t term) alongRows() { alongRows("row"+t.name+"BF16", t.doc, func() {}, t.round) }

// alongRows generates a pairingFunc along rows. round turns the 16 float32 of low and of high into
// the 32 bf16 of Z2, with what prepare has put into registers.
func alongRows(name, doc string, prepare func(), round func(low, high VecPhysical)) {
	TEXT(name, NOSPLIT, "func(dst *float32, width int, src *float32, ld, rows, n int)")
	Doc(name + " is a pairingFunc along rows: " + doc + ".")
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
	lowBits(rest, bits)
	KMOVW(bits.As32(), K1)
	SHRQ(Imm(16), bits)
	KMOVW(bits.As32(), K2)
	pairs := GP64()
	LEAQ(Mem{Base: rest, Disp: 1}, pairs)
	SHRQ(Imm(1), pairs)
	lowBits(pairs, bits)
	KMOVW(bits.As32(), K3)
	SHRQ(Imm(5), n)
	prepare()
	from, to, blocks := GP64(), GP64(), GP64()
	Label(name + "_row")
	MOVQ(src, from)
	MOVQ(dst, to)
	MOVQ(n, blocks)
	TESTQ(blocks, blocks)
	JEQ(LabelRef(name + "_rest"))
	Label(name + "_block")
	VMOVUPS(Mem{Base: from}, Z0)
	VMOVUPS(Mem{Base: from, Disp: 64}, Z1)
	round(Z0, Z1)
	VMOVUPS(Z2, Mem{Base: to})
	ADDQ(Imm(128), from)
	ADDQ(Imm(64), to)
	DECQ(blocks)
	JNE(LabelRef(name + "_block"))
	Label(name + "_rest")
	TESTQ(rest, rest)
	JEQ(LabelRef(name + "_next"))
	VMOVUPS_Z(Mem{Base: from}, K1, Z0)
	VMOVUPS_Z(Mem{Base: from, Disp: 64}, K2, Z1)
	round(Z0, Z1)
	VMOVUPS(Z2, K3, Mem{Base: to})
	Label(name + "_next")
	ADDQ(ld, src)
	ADDQ(width, dst)
	DECQ(rows)
	JNE(LabelRef(name + "_row"))
	VZEROUPPER()
	RET()
}

// acrossRows generates the rounding of rows to pairs of bf16 from two rows each.
func (t term) acrossRows() {
	name := "column" + t.name + "BF16"
	TEXT(name, NOSPLIT, "func(dst *float32, width int, src *float32, ld, rows, n int)")
	Doc(name + " is a pairingFunc across rows: " + t.doc + ".")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	width := Load(Param("width"), GP64())
	src := Load(Param("src"), GP64())
	ld := Load(Param("ld"), GP64())
	rows := Load(Param("rows"), GP64())
	n := Load(Param("n"), GP64())
	SHLQ(Imm(2), width)
	SHLQ(Imm(2), ld)
	// Word 2i of a row of pairs is word i of the first row's 16 values, word 2i+1 of the
	// second's, which are words 16 to 31 of what round makes.
	order := GLOBL(name+"_order", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(uint32(i)|uint32(16+i)<<16))
	}
	VMOVDQU16(order, Z5)
	rest, bits := GP64(), GP64()
	MOVQ(n, rest)
	ANDQ(Imm(15), rest)
	lowBits(rest, bits)
	KMOVW(bits.As32(), K2)
	MOVQ(I32(0xffff), bits)
	KMOVW(bits.As32(), K1)
	SHRQ(Imm(4), n)
	from, second, to, blocks := GP64(), GP64(), GP64(), GP64()
	Label(name + "_row")
	MOVQ(src, from)
	LEAQ(Mem{Base: src, Index: ld, Scale: 1}, second)
	// A last row without a second one meets zeros, from a mask of no lanes.
	KMOVW(K1, K3)
	KMOVW(K2, K4)
	CMPQ(rows, Imm(1))
	JNE(LabelRef(name + "_pair"))
	MOVQ(src, second)
	KXORW(K3, K3, K3)
	KXORW(K4, K4, K4)
	Label(name + "_pair")
	MOVQ(dst, to)
	MOVQ(n, blocks)
	TESTQ(blocks, blocks)
	JEQ(LabelRef(name + "_rest"))
	Label(name + "_block")
	VMOVUPS(Mem{Base: from}, Z0)
	VMOVUPS_Z(Mem{Base: second}, K3, Z1)
	t.round(Z0, Z1)
	VPERMW(Z2, Z5, Z2)
	VMOVUPS(Z2, Mem{Base: to})
	ADDQ(Imm(64), from)
	ADDQ(Imm(64), second)
	ADDQ(Imm(64), to)
	DECQ(blocks)
	JNE(LabelRef(name + "_block"))
	Label(name + "_rest")
	TESTQ(rest, rest)
	JEQ(LabelRef(name + "_next"))
	VMOVUPS_Z(Mem{Base: from}, K2, Z0)
	VMOVUPS_Z(Mem{Base: second}, K4, Z1)
	t.round(Z0, Z1)
	VPERMW(Z2, Z5, Z2)
	VMOVUPS(Z2, K2, Mem{Base: to})
	Label(name + "_next")
	LEAQ(Mem{Base: src, Index: ld, Scale: 2}, src)
	ADDQ(width, dst)
	SUBQ(Imm(2), rows)
	JGT(LabelRef(name + "_row"))
	VZEROUPPER()
	RET()
}
