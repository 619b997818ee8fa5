//go:build ignore

// Gen writes the matrix product's micro-kernels, packing and rounding loops,
// gemm_amd64.s, and their Go declarations, gemm_amd64.go. Run it by go generate in the
// parent directory.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
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

const signature = "func(kc int, a *float32, rs, ks int, b, c *float32, ldc int, bias, residual *float32, flags int)"

// kernel describes one tile: rows × vectors of C stay in registers while the depth k
// runs; every k costs as many loads of B and one broadcast of A per row. A panel of B has
// two vectors a row, of which a tile of one vector reads the first.
type kernel struct {
	name    string
	doc     string
	rows    int
	vectors int
	width   int // bytes of a vector
	pinned  []VecPhysical
	unroll  int
	// multiplyAdd adds the products of b's lanes and x, one element of A in every lane.
	multiplyAdd func(b, x, sum VecPhysical)
}

func main() {
	ConstraintExpr("amd64")
	avx512 := kernel{name: "tileAVX512", rows: 14, vectors: 2, width: 64, unroll: 4,
		doc: "tileAVX512 computes a 14×32 tile of C with AVX-512F."}
	for _, r := range []VecPhysical{Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15,
		Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31} {
		avx512.pinned = append(avx512.pinned, r)
	}
	avx512.multiplyAdd = multiplyAdd
	avx512.generate()
	half := avx512
	half.name, half.vectors = "halfTileAVX512", 1
	half.doc = "halfTileAVX512 computes the first 16 columns of a tile with AVX-512F."
	half.generate()
	avx512.name, avx512.multiplyAdd = "tileBF16", vdpbf16ps
	avx512.doc = "tileBF16 computes a 14×32 tile of C with AVX512_BF16; an element of A and B is a pair of bf16."
	avx512.generate()
	half.name, half.multiplyAdd = "halfTileBF16", vdpbf16ps
	half.doc = "halfTileBF16 computes the first 16 columns of a tile with AVX512_BF16; an element of A and B is a pair of bf16."
	half.generate()
	avx2 := kernel{name: "tileAVX2", rows: 6, vectors: 2, width: 32, unroll: 4,
		doc: "tileAVX2 computes a 6×16 tile of C with AVX2 and FMA."}
	for _, r := range []VecPhysical{Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15} {
		avx2.pinned = append(avx2.pinned, r)
	}
	avx2.multiplyAdd = multiplyAdd
	avx2.generate()
	avx2.name, avx2.vectors = "halfTileAVX2", 1
	avx2.doc = "halfTileAVX2 computes the first 8 columns of a tile with AVX2 and FMA."
	avx2.generate()
	prefetch()
	copyRows()
	transpose()
	for _, t := range terms {
		t.alongRows()
		t.acrossRows()
	}
	softmax()
	gelu()
	Generate()
}

func multiplyAdd(b, x, sum VecPhysical) { VFMADD231PS(b, x, sum) }

// acc is the register of C[row, vector v].
func (kn *kernel) acc(row, v int) VecPhysical { return kn.pinned[4+kn.vectors*row+v] }

// rowAddress returns the memory of row i at p, whose rows are s1 bytes apart;
// s3 and s5 hold 3·s1 and 5·s1, and far is p + 7·s1.
func rowAddress(i int, p, far, s1, s3, s5 Register) Mem {
	if i >= 7 {
		p, i = far, i-7
	}
	switch i {
	case 0:
		return Mem{Base: p}
	case 3:
		return Mem{Base: p, Index: s3, Scale: 1}
	case 5:
		return Mem{Base: p, Index: s5, Scale: 1}
	case 6:
		return Mem{Base: p, Index: s3, Scale: 2}
	default: // 1, 2, 4
		return Mem{Base: p, Index: s1, Scale: uint8(i)}
	}
}

// multiples fills s3 and s5 with 3·s1 and 5·s1 and far with p + 7·s1.
func multiples(p, far, s1, s3, s5 Register) {
	LEAQ(Mem{Base: s1, Index: s1, Scale: 2}, s3)
	LEAQ(Mem{Base: s1, Index: s1, Scale: 4}, s5)
	LEAQ(Mem{Base: p, Index: s5, Scale: 1}, far)
	LEAQ(Mem{Base: far, Index: s1, Scale: 2}, far)
}

func (kn *kernel) generate() {
	TEXT(kn.name, NOSPLIT, signature)
	Doc(kn.doc, "The arguments are those of gemm_kernel.go's tileFunc.")
	Pragma("noescape")
	kc := Load(Param("kc"), GP64())
	a := Load(Param("a"), GP64())
	rs := Load(Param("rs"), GP64())
	ks := Load(Param("ks"), GP64())
	b := Load(Param("b"), GP64())
	c := Load(Param("c"), GP64())
	ldc := Load(Param("ldc"), GP64())
	SHLQ(Imm(2), rs)
	SHLQ(Imm(2), ks)
	SHLQ(Imm(2), ldc)

	// The lines of C and of the residual are needed kc steps from now.
	c3, c5, cFar := GP64(), GP64(), GP64()
	multiples(c, cFar, ldc, c3, c5)
	for i := range kn.rows {
		m := rowAddress(i, c, cFar, ldc, c3, c5)
		PREFETCHT0(m)
		PREFETCHT0(m.Offset(kn.vectors*kn.width - 4))
	}
	kn.prefetchResidual(ldc, c3, c5)
	for i := range kn.rows {
		for v := range kn.vectors {
			kn.clear(kn.acc(i, v))
		}
	}

	rs3, rs5, aFar := GP64(), GP64(), GP64()
	multiples(a, aFar, rs, rs3, rs5)
	// The panel of B behind this one is read next, at first from memory. Other kernels have no
	// load to spare for it.
	next, fetches := GP64(), kn.width == 64 && kn.vectors == 2
	if fetches {
		IMUL3Q(I32(2*kn.width), kc, next)
	}
	step := func(u int) {
		for v := range kn.vectors {
			VMOVUPS(Mem{Base: b, Disp: (u*2 + v) * kn.width}, kn.pinned[v])
		}
		if fetches {
			for line := 0; line < 2*kn.width; line += 64 {
				PREFETCHT1(Mem{Base: b, Index: next, Scale: 1, Disp: u*2*kn.width + line})
			}
		}
		for i := range kn.rows {
			m := rowAddress(i, a, aFar, rs, rs3, rs5)
			x := kn.pinned[2+i%2]
			VBROADCASTSS(m, x)
			for v := range kn.vectors {
				kn.multiplyAdd(kn.pinned[v], x, kn.acc(i, v))
			}
		}
		ADDQ(ks, a)
		ADDQ(ks, aFar)
	}
	single, loop, rest, done := kn.name+"_single", kn.name+"_loop", kn.name+"_rest", kn.name+"_done"
	SUBQ(Imm(uint64(kn.unroll)), kc)
	JLT(LabelRef(rest))
	Label(loop)
	for u := range kn.unroll {
		step(u)
	}
	ADDQ(U32(kn.unroll*2*kn.width), b)
	SUBQ(Imm(uint64(kn.unroll)), kc)
	JGE(LabelRef(loop))
	Label(rest)
	ADDQ(Imm(uint64(kn.unroll)), kc)
	JEQ(LabelRef(done))
	Label(single)
	step(0)
	ADDQ(U32(2*kn.width), b)
	DECQ(kc)
	JNE(LabelRef(single))
	Label(done)
	kn.epilogue(c, cFar, ldc, c3, c5)
}

// prefetchResidual fetches the lines of the residual, if there is one.
func (kn *kernel) prefetchResidual(ldc, c3, c5 Register) {
	none := kn.name + "_no_fetch"
	flags := Load(Param("flags"), GP64())
	TESTQ(U32(flagResidual), flags)
	JEQ(LabelRef(none))
	residual, far := Load(Param("residual"), GP64()), GP64()
	LEAQ(Mem{Base: residual, Index: c5, Scale: 1}, far)
	LEAQ(Mem{Base: far, Index: ldc, Scale: 2}, far)
	for i := range kn.rows {
		m := rowAddress(i, residual, far, ldc, c3, c5)
		PREFETCHT0(m)
		PREFETCHT0(m.Offset(kn.vectors*kn.width - 4))
	}
	Label(none)
}

// clear zeroes a register; VPXORD needs AVX-512F alone, VXORPS would need DQ.
func (kn *kernel) clear(r VecPhysical) {
	if kn.width == 64 {
		VPXORD(r, r, r)
	} else {
		VXORPS(r, r, r)
	}
}

// epilogue adds what flags asks for to the accumulators and stores them.
func (kn *kernel) epilogue(c, cFar, ldc, c3, c5 Register) {
	flags := Load(Param("flags"), GP64())
	section := func(bit int, name string, body func()) {
		skip := fmt.Sprintf("%s_no_%s", kn.name, name)
		TESTQ(U32(bit), flags)
		JEQ(LabelRef(skip))
		body()
		Label(skip)
	}
	addRows := func(p, far Register) {
		for i := range kn.rows {
			m := rowAddress(i, p, far, ldc, c3, c5)
			for v := range kn.vectors {
				VADDPS(m.Offset(v*kn.width), kn.acc(i, v), kn.acc(i, v))
			}
		}
	}
	section(flagAccumulate, "accumulate", func() { addRows(c, cFar) })
	section(flagBias, "bias", func() {
		bias := Load(Param("bias"), GP64())
		for v := range kn.vectors {
			VMOVUPS(Mem{Base: bias, Disp: v * kn.width}, kn.pinned[v])
			for i := range kn.rows {
				VADDPS(kn.pinned[v], kn.acc(i, v), kn.acc(i, v))
			}
		}
	})
	section(flagResidual, "residual", func() {
		residual := Load(Param("residual"), GP64())
		far := GP64()
		LEAQ(Mem{Base: residual, Index: c5, Scale: 1}, far)
		LEAQ(Mem{Base: far, Index: ldc, Scale: 2}, far)
		addRows(residual, far)
	})
	section(flagReLU, "relu", func() {
		// max(0, x) with x as the second source, so that NaN stays NaN.
		zero := kn.pinned[0]
		kn.clear(zero)
		for i := range kn.rows {
			for v := range kn.vectors {
				VMAXPS(kn.acc(i, v), zero, kn.acc(i, v))
			}
		}
	})
	for i := range kn.rows {
		m := rowAddress(i, c, cFar, ldc, c3, c5)
		for v := range kn.vectors {
			VMOVUPS(kn.acc(i, v), m.Offset(v*kn.width))
		}
	}
	VZEROUPPER()
	RET()
}

// prefetch generates the request of cache lines.
func prefetch() {
	TEXT("prefetchAMD64", NOSPLIT, "func(p *float32, n int)")
	Doc("prefetchAMD64 is a prefetchFunc.")
	Pragma("noescape")
	p, n := Load(Param("p"), GP64()), Load(Param("n"), GP64())
	Label("prefetch_line")
	PREFETCHT1(Mem{Base: p})
	ADDQ(Imm(64), p)
	SUBQ(Imm(16), n)
	JG(LabelRef("prefetch_line"))
	RET()
}

// copyRows generates the copy of up to 32 elements a row by masks.
func copyRows() {
	TEXT("copyRowsAVX512", NOSPLIT, "func(dst *float32, width int, src *float32, ld, rows, n, fill int)")
	Doc("copyRowsAVX512 is a copyRowsFunc for AVX-512F with fill ≤ 32.")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	width := Load(Param("width"), GP64())
	src := Load(Param("src"), GP64())
	ld := Load(Param("ld"), GP64())
	rows := Load(Param("rows"), GP64())
	SHLQ(Imm(2), width)
	SHLQ(Imm(2), ld)
	// Bit j of a mask stands for column j; the low and high 16 go to two registers.
	masks := func(count GPVirtual, low, high OpmaskPhysical) {
		MOVQ(count, RCX)
		bits := GP64()
		MOVQ(I32(1), bits)
		SHLQ(CL, bits)
		DECQ(bits)
		KMOVW(bits.As32(), low)
		SHRQ(Imm(16), bits)
		KMOVW(bits.As32(), high)
	}
	n, fill := Load(Param("n"), GP64()).(GPVirtual), Load(Param("fill"), GP64()).(GPVirtual)
	masks(n, K1, K2)
	masks(fill, K3, K4)
	TESTQ(rows, rows)
	JEQ(LabelRef("copyRows_done"))
	loop := func(name string, body func()) {
		Label("copyRows_" + name)
		body()
		ADDQ(ld, src)
		ADDQ(width, dst)
		DECQ(rows)
		JNE(LabelRef("copyRows_" + name))
		JMP(LabelRef("copyRows_done"))
	}
	Comment("up to 16 columns, or more")
	CMPQ(fill, Imm(16))
	JLE(LabelRef("copyRows_one"))
	loop("both", func() {
		VMOVUPS_Z(Mem{Base: src}, K1, Z0)
		VMOVUPS_Z(Mem{Base: src, Disp: 64}, K2, Z1)
		VMOVUPS(Z0, K3, Mem{Base: dst})
		VMOVUPS(Z1, K4, Mem{Base: dst, Disp: 64})
	})
	loop("one", func() {
		VMOVUPS_Z(Mem{Base: src}, K1, Z0)
		VMOVUPS(Z0, K3, Mem{Base: dst})
	})
	Label("copyRows_done")
	VZEROUPPER()
	RET()
}

// transpose generates the transposition of 8 rows in blocks of 8 columns.
func transpose() {
	TEXT("transpose8AVX2", NOSPLIT, "func(dst *float32, width int, src *float32, ld, blocks int)")
	Doc("transpose8AVX2 is a transpose8Func for AVX2.")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	width := Load(Param("width"), GP64())
	src := Load(Param("src"), GP64())
	ld := Load(Param("ld"), GP64())
	blocks := Load(Param("blocks"), GP64())
	SHLQ(Imm(2), width)
	SHLQ(Imm(2), ld)
	width3, width5, dstFar := GP64(), GP64(), GP64()
	ld3, ld5, srcFar := GP64(), GP64(), GP64()
	multiples(src, srcFar, ld, ld3, ld5)
	TESTQ(blocks, blocks)
	JEQ(LabelRef("transpose8_done"))
	Label("transpose8_loop")
	multiples(dst, dstFar, width, width3, width5)
	y := []VecPhysical{Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15}
	for i := range 8 {
		VMOVUPS(rowAddress(i, src, srcFar, ld, ld3, ld5), y[i])
	}
	// Pairs of rows, then quadruples, then the two halves: each step doubles how
	// many rows a register holds one column of.
	for i := 0; i < 8; i += 2 {
		VUNPCKLPS(y[i+1], y[i], y[8+i])
		VUNPCKHPS(y[i+1], y[i], y[9+i])
	}
	for i := 0; i < 8; i += 4 {
		VSHUFPS(Imm(0x44), y[10+i], y[8+i], y[i])
		VSHUFPS(Imm(0xee), y[10+i], y[8+i], y[i+1])
		VSHUFPS(Imm(0x44), y[11+i], y[9+i], y[i+2])
		VSHUFPS(Imm(0xee), y[11+i], y[9+i], y[i+3])
	}
	for i := range 4 {
		VPERM2F128(Imm(0x20), y[i+4], y[i], y[8+i])
		VPERM2F128(Imm(0x31), y[i+4], y[i], y[12+i])
	}
	for i := range 8 {
		VMOVUPS(y[8+i], rowAddress(i, dst, dstFar, width, width3, width5))
	}
	ADDQ(Imm(32), src)
	ADDQ(Imm(32), srcFar)
	LEAQ(Mem{Base: dst, Index: width, Scale: 8}, dst)
	DECQ(blocks)
	JNE(LabelRef("transpose8_loop"))
	Label("transpose8_done")
	VZEROUPPER()
	RET()
}
