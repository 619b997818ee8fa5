//go:build ignore

// Elements writes the loops over elements, elements_amd64.s, and their Go declarations,
// elements_amd64.go. Run it by go generate in the parent directory.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	writeSteps()
	for _, s := range sets {
		s.add()
		s.addScaled()
		s.scale()
		s.mix()
		s.relu()
		s.reluGrad()
		s.weigh()
		s.weighEach()
		s.rotate()
		s.cosines()
		s.dropout("dropout", "computes dst = src·scale where SplitMix64 keeps the element, else 0,", false)
		s.dropout("dropoutGrad", "adds src·scale to dst where SplitMix64 keeps the element,", true)
		s.sgd()
		s.adamW()
	}
	Generate()
}

const count = "for n elements, a positive multiple of 16,"

// loop writes a loop over n elements at bases, which is all that is left of the function.
func (s isa) loop(name string, bases []GPVirtual, body func(at func(p GPVirtual) Mem)) {
	n := pointer("n")
	SHLQ(Imm(2), n)
	s.every(name+"_loop", n, bases, body)
	end()
}

func (s isa) add() {
	name := s.text("add", "computes dst = a + b "+count, "func(dst, a, b *float32, n int)")
	p := pointers("dst", "a", "b")
	s.loop(name, p, func(at func(GPVirtual) Mem) {
		v := s.load(at(p[1]))
		VADDPS(at(p[2]), v, v)
		VMOVUPS(v, at(p[0]))
	})
}

func (s isa) addScaled() {
	name := s.text("addScaled", "computes y += alpha·x "+count, "func(y, x *float32, n int, alpha float32)")
	p, alpha := pointers("y", "x"), s.scalar("alpha")
	s.loop(name, p, func(at func(GPVirtual) Mem) {
		v := s.load(at(p[0]))
		VFMADD231PS(at(p[1]), alpha, v)
		VMOVUPS(v, at(p[0]))
	})
}

func (s isa) scale() {
	name := s.text("scale", "computes x = alpha·x "+count, "func(x *float32, n int, alpha float32)")
	p, alpha := pointers("x"), s.scalar("alpha")
	s.loop(name, p, func(at func(GPVirtual) Mem) {
		v := s.vector()
		VMULPS(at(p[0]), alpha, v)
		VMOVUPS(v, at(p[0]))
	})
}

func (s isa) mix() {
	name := s.text("mix", "computes dst = u·a + v·b "+count, "func(dst, a, b *float32, n int, u, v float32)")
	p, u, v := pointers("dst", "a", "b"), s.scalar("u"), s.scalar("v")
	s.loop(name, p, func(at func(GPVirtual) Mem) {
		sum := s.vector()
		VMULPS(at(p[1]), u, sum)
		VFMADD231PS(at(p[2]), v, sum)
		VMOVUPS(sum, at(p[0]))
	})
}

func (s isa) relu() {
	name := s.text("relu", "computes y = max(0, x) "+count, "func(y, x *float32, n int)")
	p, zero := pointers("y", "x"), s.zeros(1)[0]
	s.loop(name, p, func(at func(GPVirtual) Mem) {
		v := s.vector()
		VMAXPS(at(p[1]), zero, v) // x as the second source, so that NaN stays NaN
		VMOVUPS(v, at(p[0]))
	})
}

// reluGrad compares the bits as integers, as the Go loop does.
func (s isa) reluGrad() {
	name := s.text("reluGrad", "adds dy to dx where y is above 0 "+count, "func(dx, dy, y *float32, n int)")
	p, zero := pointers("dx", "dy", "y"), s.zeros(1)[0]
	s.loop(name, p, func(at func(GPVirtual) Mem) {
		y, dx := s.load(at(p[2])), s.load(at(p[0]))
		if s.width == 64 {
			above := K()
			VPCMPGTD(zero, y, above)
			VADDPS(at(p[1]), dx, above, dx)
		} else {
			VPCMPGTD(zero, y, y)
			VANDPS(at(p[1]), y, y)
			VADDPS(y, dx, dx)
		}
		VMOVUPS(dx, at(p[0]))
	})
}

func (s isa) weigh() {
	name := s.text("weigh", "computes x = a·(x − shift) "+count, "func(x, a *float32, n int, shift float32)")
	p, shift := pointers("x", "a"), s.scalar("shift")
	s.loop(name, p, func(at func(GPVirtual) Mem) {
		v := s.load(at(p[0]))
		VSUBPS(shift, v, v)
		VMULPS(at(p[1]), v, v)
		VMOVUPS(v, at(p[0]))
	})
}

func (s isa) weighEach() {
	name := s.text("weighEach", "computes x = a·(x − shift) "+count, "func(x, a, shift *float32, n int)")
	p := pointers("x", "a", "shift")
	s.loop(name, p, func(at func(GPVirtual) Mem) {
		v := s.load(at(p[0]))
		VSUBPS(at(p[2]), v, v)
		VMULPS(at(p[1]), v, v)
		VMOVUPS(v, at(p[0]))
	})
}

func (s isa) rotate() {
	name := s.text("rotate", "computes (a, b) = (a·c − b·s, b·c + a·s) "+count, "func(a, b, c, s *float32, n int)")
	p := pointers("a", "b", "c", "s")
	s.loop(name, p, func(at func(GPVirtual) Mem) {
		a, b, c, sin := s.load(at(p[0])), s.load(at(p[1])), s.load(at(p[2])), s.load(at(p[3]))
		x, y := s.vector(), s.vector()
		VMULPS(b, sin, x)
		VFMSUB231PS(a, c, x)
		VMULPS(a, sin, y)
		VFMADD231PS(b, c, y)
		VMOVUPS(x, at(p[0]))
		VMOVUPS(y, at(p[1]))
	})
}

// cosines rounds after every operation, as the Go loop does.
func (s isa) cosines() {
	name := s.text("cosines", "computes x = x/(norms·norm + eps) "+count, "func(x, norms *float32, n int, norm, eps float32)")
	p, norm, eps := pointers("x", "norms"), s.scalar("norm"), s.scalar("eps")
	s.loop(name, p, func(at func(GPVirtual) Mem) {
		d, v := s.vector(), s.load(at(p[0]))
		VMULPS(at(p[1]), norm, d)
		VADDPS(eps, d, d)
		VDIVPS(d, v, v)
		VMOVUPS(v, at(p[0]))
	})
}

func (s isa) sgd() {
	name := s.text("sgd", "computes m = momentum·m + grad + decay·p and p −= lr·m "+count,
		"func(p, m, grad *float32, n int, lr, momentum, decay float32)")
	b := pointers("p", "m", "grad")
	lr, momentum, decay := s.scalar("lr"), s.scalar("momentum"), s.scalar("decay")
	s.loop(name, b, func(at func(GPVirtual) Mem) {
		p, m := s.load(at(b[0])), s.load(at(b[1]))
		VFMADD213PS(at(b[2]), momentum, m)
		VFMADD231PS(decay, p, m)
		VMOVUPS(m, at(b[1]))
		VFNMADD231PS(lr, m, p)
		VMOVUPS(p, at(b[0]))
	})
}

func (s isa) adamW() {
	name := s.text("adamW", "computes m += b1·(grad − m), v = beta2·v + b2·grad² and p = p·decay − step·m/(√v/root + eps) "+count,
		"func(p, m, v, grad *float32, n int, b1, beta2, b2, decay, step, root, eps float32)")
	b := pointers("p", "m", "v", "grad")
	b1, beta2, b2 := s.scalar("b1"), s.scalar("beta2"), s.scalar("b2")
	decay, step, root, eps := s.scalar("decay"), s.scalar("step"), s.scalar("root"), s.scalar("eps")
	s.loop(name, b, func(at func(GPVirtual) Mem) {
		p, m, v, g := s.load(at(b[0])), s.load(at(b[1])), s.vector(), s.load(at(b[3]))
		d := s.vector()
		VSUBPS(m, g, d)
		VFMADD231PS(b1, d, m)
		VMOVUPS(m, at(b[1]))
		VMULPS(b2, g, d)
		VMULPS(g, d, d)
		VMULPS(at(b[2]), beta2, v)
		VADDPS(d, v, v)
		VMOVUPS(v, at(b[2]))
		VSQRTPS(v, d)
		VDIVPS(root, d, d)
		VADDPS(eps, d, d)
		VMULPS(step, m, m)
		VDIVPS(d, m, m)
		VFMSUB213PS(m, decay, p)
		VMOVUPS(p, at(b[0]))
	})
}

// The constants of SplitMix64.
const (
	golden = 0x9E3779B97F4A7C15
	first  = 0xBF58476D1CE4E5B9
	second = 0x94D049BB133111EB
)

var steps Mem

// writeSteps stores the states of 16 draws less that of the first.
func writeSteps() {
	steps = GLOBL("drawSteps", RODATA|NOPTR)
	z := uint64(0)
	for i := range 16 {
		DATA(8*i, U64(z))
		z += golden
	}
}

// word returns the 64-bit value in every lane.
func (s isa) word(value Op) VecVirtual {
	r, x, v := GP64(), XMM(), s.vector()
	MOVQ(value, r)
	VMOVQ(r, x)
	VPBROADCASTQ(x, v)
	return v
}

// times returns the low halves of the products of 64-bit lanes with a constant. AVX2
// has 32×32-bit products alone: a·b = a₀b₀ + (a₁b₀ + a₀b₁)·2³².
type times struct{ whole, low, high VecVirtual }

func (s isa) factor(value uint64) times {
	if s.width == 64 {
		return times{whole: s.word(U64(value))}
	}
	return times{low: s.word(U64(value & 0xffffffff)), high: s.word(U64(value >> 32))}
}

func (s isa) multiply(z VecVirtual, f times) {
	if s.width == 64 {
		VPMULLQ(f.whole, z, z)
		return
	}
	cross, t := s.vector(), s.vector()
	VPSRLQ(Imm(32), z, cross)
	VPMULUDQ(f.low, cross, cross)
	VPMULUDQ(f.high, z, t)
	VPADDQ(t, cross, cross)
	VPSLLQ(Imm(32), cross, cross)
	VPMULUDQ(f.low, z, z)
	VPADDQ(cross, z, z)
}

// shifted computes z ^= z >> n.
func (s isa) shifted(z VecVirtual, n uint64) {
	t := s.vector()
	VPSRLQ(Imm(n), z, t)
	if s.width == 64 {
		VPXORQ(t, z, z)
	} else {
		VPXOR(t, z, z)
	}
}

// dropout draws for one vector of elements by two vectors of states.
func (s isa) dropout(name, doc string, accumulate bool) {
	name = s.text(name, doc+" "+count+" the first of which has the state z; a draw is kept from limit on;",
		"func(dst, src *float32, n int, z, limit uint64, scale float32)")
	p, scale := pointers("dst", "src"), s.scalar("scale")
	lanes := s.width / 8
	var state [2]VecVirtual
	start := s.word(argument("z"))
	for k := range state {
		state[k] = s.vector()
		VPADDQ(steps.Offset(k*s.width), start, state[k])
	}
	var skip uint64
	for range 2 * lanes {
		skip += golden
	}
	advance, a, b, limit := s.word(U64(skip)), s.factor(first), s.factor(second), s.word(argument("limit"))
	s.loop(name, p, func(at func(GPVirtual) Mem) {
		var draw [2]VecVirtual
		for k, z := range state {
			t := s.vector()
			VMOVUPS(z, t)
			VPADDQ(advance, z, z)
			s.shifted(t, 30)
			s.multiply(t, a)
			s.shifted(t, 27)
			s.multiply(t, b)
			s.shifted(t, 31)
			VPSRLQ(Imm(40), t, t)
			draw[k] = t
		}
		v := s.load(at(p[1]))
		if s.width == 64 {
			low, high, kept := K(), K(), K()
			VPCMPQ(Imm(notBelow), limit, draw[0], low)
			VPCMPQ(Imm(notBelow), limit, draw[1], high)
			KUNPCKBW(low, high, kept)
			if accumulate {
				dst := s.load(at(p[0]))
				VFMADD231PS(scale, v, kept, dst)
				VMOVUPS(dst, at(p[0]))
			} else {
				VMULPS_Z(scale, v, kept, v)
				VMOVUPS(v, at(p[0]))
			}
			return
		}
		dropped := s.vector()
		for k := range draw {
			VPCMPGTQ(draw[k], limit, draw[k])
		}
		// Halves of 64 bits to 32-bit lanes, and these from the shuffle's order to theirs.
		VSHUFPS(Imm(0x88), draw[1], draw[0], dropped)
		VPERMQ(Imm(0xd8), dropped, dropped)
		VMULPS(scale, v, v)
		VANDNPS(v, dropped, v)
		if accumulate {
			VADDPS(at(p[0]), v, v)
		}
		VMOVUPS(v, at(p[0]))
	})
}

// notBelow is the predicate of VPCMPQ.
const notBelow = 5
