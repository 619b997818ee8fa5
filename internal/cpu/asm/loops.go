//go:build ignore

// Loops writes the inner loops of GELU, the depthwise convolution and the max pool,
// loops_amd64.s, and their Go declarations, loops_amd64.go. Run it by go generate in
// the parent directory.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	writeTable()
	for _, s := range sets {
		s.gelu()
		s.geluGrad()
		s.depthwiseRun()
		s.depthwiseWeights()
		s.maxWindow()
		s.maxWindowAt()
	}
	Generate()
}

// table holds the constants, each repeated over a vector.
var (
	table   Mem
	offsets = map[string]int{}
)

// The coefficients are those of vecmath_erf.go and vecmath.go, the highest power first.
var (
	erfP = []float32{-1.29692222342551333e-8, 4.64086918753988252e-6, 0.00037795213845433163, 0.00384337291552073256,
		0.0542749941898280665, 0.185167937224455925, 1.12837916924730347}
	erfQ = []float32{0.0000626966217686619491, 0.00130408353178154874, 0.0154437775107688342, 0.113910869511248479,
		0.497434221203217728, 1}
	expP = []float32{1. / 5040, 1. / 720, 1. / 120, 1. / 24, 1. / 6, 0.5, 1, 1}
)

func writeTable() {
	table = GLOBL("loopConstants", RODATA|NOPTR)
	at := 0
	put := func(name string, bits uint32) {
		offsets[name] = at
		for range 16 {
			DATA(at, U32(bits))
			at += 4
		}
	}
	float := func(name string, v float32) { put(name, math.Float32bits(v)) }
	series := func(name string, vs []float32) {
		for i, v := range vs {
			float(name+string(rune('0'+i)), v)
		}
	}
	float("rootHalf", math.Sqrt2/2)
	float("erfEnd", 3.95)
	float("-erfEnd", -3.95)
	float("huge", 1e10)
	float("one", 1)
	float("-one", -1)
	float("half", 0.5)
	float("-half", -0.5)
	float("phiEnd", 13)
	float("-phiEnd", -13)
	float("density", 0.3989422804014327)
	float("log2e", math.Log2E)
	float("ln2Hi", 0.693359375)
	float("ln2Lo", -2.12194440054690583e-4)
	put("bias", 127)
	put("integerOne", 1)
	series("p", erfP)
	series("q", erfQ)
	series("e", expP)
}

func constant(name string) Mem {
	at, ok := offsets[name]
	if !ok {
		panic(name)
	}
	return table.Offset(at)
}

// horner returns the polynomial in x whose coefficients are the constants name0 … .
func (s isa) horner(name string, n int, x VecVirtual) VecVirtual {
	sum := s.vector()
	VMOVUPS(constant(name+"0"), sum)
	for i := 1; i < n; i++ {
		VFMADD213PS(constant(name+string(rune('0'+i))), x, sum)
	}
	return sum
}

// clamp limits v to [−end, end]; NaN, the second source, stays NaN.
func (s isa) clamp(v VecVirtual, end string) {
	limit := s.vector()
	VMOVUPS(constant("-"+end), limit)
	VMAXPS(v, limit, v)
	VMOVUPS(constant(end), limit)
	VMINPS(v, limit, v)
}

// erf returns erf(x/√2). Beyond erfEnd the excess times 1e10 drives the result past
// ±1, where the last clamp makes it exact.
func (s isa) erf(x VecVirtual) VecVirtual {
	z, excess, t := s.vector(), s.vector(), s.vector()
	VMULPS(constant("rootHalf"), x, z)
	VMOVUPS(z, excess)
	s.clamp(z, "erfEnd")
	VSUBPS(z, excess, excess)
	VMULPS(z, z, t)
	p, q := s.horner("p", len(erfP), t), s.horner("q", len(erfQ), t)
	VMULPS(z, p, p)
	VDIVPS(q, p, p)
	VFMADD231PS(constant("huge"), excess, p)
	s.clamp(p, "one")
	return p
}

// each runs body for every vector of n elements and moves the pointers on.
func (s isa) each(label string, n Register, pointers []Register, body func()) {
	Label(label)
	body()
	for _, p := range pointers {
		ADDQ(Imm(uint64(s.width)), p)
	}
	SUBQ(Imm(uint64(s.width/4)), n)
	JG(LabelRef(label))
	VZEROUPPER()
	RET()
}

func (s isa) gelu() {
	name := s.text("gelu", "computes dst = x·Φ(x) for n elements, a multiple of 16,", "func(dst, x *float32, n int)")
	dst, src, n := pointer("dst"), pointer("x"), pointer("n")
	s.each(name+"_loop", n, []Register{dst, src}, func() {
		x := s.vector()
		VMOVUPS(Mem{Base: src}, x)
		e := s.erf(x)
		VMULPS(constant("half"), x, x)
		VFMADD213PS(x, x, e)
		VMOVUPS(e, Mem{Base: dst})
	})
}

func (s isa) geluGrad() {
	name := s.text("geluGrad", "adds dy·(Φ(x) + x·φ(x)) to dx for n elements, a multiple of 16,", "func(dx, dy, x *float32, n int)")
	dst, dy, src, n := pointer("dx"), pointer("dy"), pointer("x"), pointer("n")
	s.each(name+"_loop", n, []Register{dst, dy, src}, func() {
		x := s.vector()
		VMOVUPS(Mem{Base: src}, x)
		slope := s.erf(x)
		half := s.vector()
		VMOVUPS(constant("half"), half)
		VFMADD213PS(half, half, slope)

		// φ at x limited to where it is a normal number; beyond, x·φ(x) is 0 in float32
		// beside Φ.
		s.clamp(x, "phiEnd")
		a, t := s.vector(), s.vector()
		VMULPS(x, x, a)
		VMULPS(constant("-half"), a, a)
		VMULPS(constant("log2e"), a, t)
		if s.width == 64 {
			VRNDSCALEPS(Imm(0), t, t)
		} else {
			VROUNDPS(Imm(0), t, t)
		}
		VFNMADD231PS(constant("ln2Hi"), t, a)
		VFNMADD231PS(constant("ln2Lo"), t, a)
		e := s.horner("e", len(expP), a)
		VCVTPS2DQ(t, t)
		VPADDD(constant("bias"), t, t)
		VPSLLD(Imm(23), t, t)
		VMULPS(t, e, e)
		VMULPS(constant("density"), x, x)
		VFMADD231PS(x, e, slope)
		VMOVUPS(Mem{Base: dst}, a)
		VFMADD231PS(Mem{Base: dy}, slope, a)
		VMOVUPS(a, Mem{Base: dst})
	})
}

// rows are the three input rows of a depthwise convolution, at the left neighbor of
// the position in turn; c is a row's step to the next position, in bytes.
type rows struct {
	at [3]GPVirtual
	c  GPVirtual
}

func loadRows() rows {
	r := rows{at: [3]GPVirtual{pointer("top"), pointer("mid"), pointer("bottom")}, c: pointer("c")}
	SHLQ(Imm(2), r.c)
	return r
}

// tap is the input of tap k.
func (r rows) tap(k int) Mem {
	m := Mem{Base: r.at[k/3]}
	if k%3 > 0 {
		m.Index, m.Scale = r.c, uint8(k%3)
	}
	return m
}

func (r rows) advance(bytes Op) {
	for _, p := range r.at {
		ADDQ(bytes, p)
	}
}

func (s isa) depthwiseRun() {
	name := s.text("depthwiseRun", "computes dst[p] = start[p] + Σ_k w_k·x_k[p] for n positions of c channels, a multiple of 16; "+
		"top, mid and bottom are at the first position's left neighbors; start moves on by step elements a position;",
		"func(dst, start *float32, step int, top, mid, bottom, w *float32, c, n int)")
	dst, start, step := pointer("dst"), pointer("start"), pointer("step")
	r := loadRows()
	w, n := pointer("w"), pointer("n")
	SHLQ(Imm(2), step)
	SUBQ(r.c, step) // what is left to move after the channels
	back := GP64()
	Comment("nine rows of weights: three bases, each with the steps 0, c and 2c")
	w3, w6 := GP64(), GP64()
	IMUL3Q(Imm(3), r.c, w3)
	MOVQ(w3, w6)
	ADDQ(w6, w6)
	ADDQ(w, w3)
	ADDQ(w, w6)
	left := GP64()
	Label(name + "_position")
	MOVQ(r.c, left)
	MOVQ(r.c, back)
	NEGQ(back)
	Label(name + "_channels")
	var sums [3]VecVirtual
	for k := range 9 {
		x := s.vector()
		if k < 3 {
			sums[k] = s.vector()
			if k == 0 {
				VMOVUPS(Mem{Base: start}, sums[k])
			} else {
				s.zero(sums[k])
			}
		}
		VMOVUPS(r.tap(k), x)
		weight := Mem{Base: []GPVirtual{w, w3, w6}[k/3]}
		if k%3 > 0 {
			weight.Index, weight.Scale = r.c, uint8(k%3)
		}
		VFMADD231PS(weight, x, sums[k%3])
	}
	VADDPS(sums[1], sums[0], sums[0])
	VADDPS(sums[2], sums[0], sums[0])
	VMOVUPS(sums[0], Mem{Base: dst})
	vector := Imm(uint64(s.width))
	r.advance(vector)
	for _, p := range []GPVirtual{dst, start, w, w3, w6} {
		ADDQ(vector, p)
	}
	SUBQ(vector, left)
	JG(LabelRef(name + "_channels"))
	for _, p := range []GPVirtual{w, w3, w6} {
		ADDQ(back, p)
	}
	ADDQ(step, start)
	DECQ(n)
	JG(LabelRef(name + "_position"))
	VZEROUPPER()
	RET()
}

func (s isa) depthwiseWeights() {
	name := s.text("depthwiseWeights", "adds Σ_p dy[p]·x_k[p] to sum [10,c] at k = 0…8 and Σ_p dy[p] at 9, for n positions of c channels, "+
		"a multiple of 16; top, mid and bottom as for depthwiseRun;",
		"func(sum, dy, top, mid, bottom *float32, c, n int)")
	sum, dy := pointer("sum"), pointer("dy")
	r := loadRows()
	n := pointer("n")
	left, whole, p, to := GP64(), GP64(), GP64(), GP64()
	MOVQ(r.c, left)
	MOVQ(n, whole)
	IMULQ(r.c, whole)
	Label(name + "_channels")
	var sums [10]VecVirtual
	MOVQ(sum, to)
	for k := range sums {
		sums[k] = s.vector()
		VMOVUPS(Mem{Base: to}, sums[k])
		ADDQ(r.c, to)
	}
	MOVQ(n, p)
	Label(name + "_position")
	g := s.vector()
	VMOVUPS(Mem{Base: dy}, g)
	for k := range 9 {
		VFMADD231PS(r.tap(k), g, sums[k])
	}
	VADDPS(g, sums[9], sums[9])
	r.advance(r.c)
	ADDQ(r.c, dy)
	DECQ(p)
	JG(LabelRef(name + "_position"))
	MOVQ(sum, to)
	for k := range sums {
		VMOVUPS(sums[k], Mem{Base: to})
		ADDQ(r.c, to)
	}
	vector := Imm(uint64(s.width))
	for _, q := range []GPVirtual{r.at[0], r.at[1], r.at[2], dy} {
		SUBQ(whole, q)
		ADDQ(vector, q)
	}
	ADDQ(vector, sum)
	SUBQ(vector, left)
	JG(LabelRef(name + "_channels"))
	VZEROUPPER()
	RET()
}

// maxWindow and maxWindowAt walk a window of the max pool for one vector of channels
// after the other.
func (s isa) maxWindow() {
	name := s.text("maxWindow", "computes the maximum of a window of rows × cols positions of c channels, a multiple of 16; "+
		"x is the window's first position and w the image's width;",
		"func(out, x *float32, c, rows, cols, w int)")
	s.walkWindow(name, nil)
}

func (s isa) maxWindowAt() {
	name := s.text("maxWindowAt", "is maxWindow that also keeps the position of the first maximum, counted from pos at the window's first position,",
		"func(out *float32, at *int32, x *float32, c, rows, cols, w, pos int)")
	s.walkWindow(name, pointer("at"))
}

// broadcast returns the low half of the integer in every lane.
func (s isa) broadcast(value GPVirtual) VecVirtual {
	x, v := XMM(), s.vector()
	VMOVD(value.As32(), x)
	VPBROADCASTD(x, v)
	return v
}

func (s isa) walkWindow(name string, at Register) {
	out, x := pointer("out"), pointer("x")
	c, nRows, nCols, w := pointer("c"), pointer("rows"), pointer("cols"), pointer("w")
	SHLQ(Imm(2), c)
	SUBQ(nCols, w) // positions from the end of a row to the next row
	skip := GP64()
	MOVQ(w, skip)
	IMULQ(c, skip)
	var start, one, rowStep VecVirtual
	if at != nil {
		start, rowStep = s.broadcast(pointer("pos")), s.broadcast(w)
		one = s.vector()
		VMOVUPS(constant("integerOne"), one)
	}
	left, p, row, col := GP64(), GP64(), GP64(), GP64()
	MOVQ(c, left)
	Label(name + "_channels")
	best, index, winner := s.vector(), s.vector(), s.vector()
	MOVQ(x, p)
	VMOVUPS(Mem{Base: p}, best)
	if at != nil {
		VMOVAPS(start, index)
		VMOVAPS(start, winner)
	}
	MOVQ(nRows, row)
	Label(name + "_row")
	MOVQ(nCols, col)
	Label(name + "_col")
	v := s.vector()
	VMOVUPS(Mem{Base: p}, v)
	s.takeLarger(v, best, index, winner, at != nil)
	if at != nil {
		VPADDD(one, index, index)
	}
	ADDQ(c, p)
	DECQ(col)
	JG(LabelRef(name + "_col"))
	if at != nil {
		VPADDD(rowStep, index, index)
	}
	ADDQ(skip, p)
	DECQ(row)
	JG(LabelRef(name + "_row"))
	VMOVUPS(best, Mem{Base: out})
	vector := Imm(uint64(s.width))
	if at != nil {
		VMOVUPS(winner, Mem{Base: at})
		ADDQ(vector, at)
	}
	ADDQ(vector, x)
	ADDQ(vector, out)
	SUBQ(vector, left)
	JG(LabelRef(name + "_channels"))
	VZEROUPPER()
	RET()
}

// The predicates of VCMPPS.
const (
	unordered = 3
	greater   = 0x1e
)

// takeLarger puts v into best, and index into winner, where v is greater or NaN. NaN
// stays: nothing is greater.
func (s isa) takeLarger(v, best, index, winner VecVirtual, indexed bool) {
	if s.width == 64 {
		above, nan := K(), K()
		VCMPPS(Imm(greater), best, v, above)
		VCMPPS(Imm(unordered), v, v, nan)
		KORW(above, nan, above)
		VMOVAPS(v, above, best)
		if indexed {
			VMOVDQA32(index, above, winner)
		}
		return
	}
	above, nan := YMM(), YMM()
	VCMPPS(Imm(greater), best, v, above)
	VCMPPS(Imm(unordered), v, v, nan)
	VORPS(nan, above, above)
	VBLENDVPS(above, v, best, best)
	if indexed {
		VBLENDVPS(above, index, winner, winner)
	}
}
