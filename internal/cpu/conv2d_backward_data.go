package cpu

import "hdmnet/internal/op"

// convBackwardData computes the gradient of a convolution's input,
//
//	dx[b,iy,ix,·] = Σ_{ky,kx,o} dy[b,oy,ox,o]·w[o,ky,kx,·],  iy = oy·Stride − Pad + ky·Dil, ix alike,
//
// and adds it to dx if accumulate, else overwrites dx, in a precision.
//
// The positions of dx fall into Stride² phases (iy mod Stride, ix mod Stride).
// In one phase a fixed set of taps meets consecutive positions of dy, so that
// each phase is a convolution of dy with stride 1.
func convBackwardData(in op.Precision, s convShape, dx, dy, w []float32, accumulate bool) {
	if s.pointwise() {
		gemm(in, false, false, s.pixels(), s.Cin, s.Cout, dy, s.Cout, w, s.Cin, accumulate, dx, s.Cin, epilogue{})
		return
	}
	if s.Stride == 1 {
		t := s.taps(0, 0)
		t.product(in, dx, accumulate, dy, w).run()
		return
	}
	buf := scatters.get()
	for py := range min(s.Stride, s.H) {
		for px := range min(s.Stride, s.W) {
			buf.phase(in, &s, py, px, dx, dy, w, accumulate)
		}
	}
	scatters.put(buf)
}

// axisTaps are the taps of one axis that meet the positions i ≡ phase
// (mod stride), from the last to the first: tap k0 − t·dk reads position
// i/stride + o + t·step of dy.
type axisTaps struct{ n, k0, dk, o, step int }

// tapsOf returns the taps of kernel extent k for a phase.
func tapsOf(phase, k, stride, pad, dil int) axisTaps {
	a := axisTaps{dk: 1, step: 1}
	for tap := k - 1; tap >= 0; tap-- {
		at := phase + pad - tap*dil
		if at%stride != 0 {
			continue
		}
		switch a.n {
		case 0:
			a.k0, a.o = tap, at/stride
		case 1:
			a.dk, a.step = a.k0-tap, at/stride-a.o
		}
		a.n++
	}
	return a
}

// phaseTaps are the taps of a phase and its grid of positions of dx.
type phaseTaps struct {
	s      convShape
	y, x   axisTaps
	gh, gw int
}

func (s *convShape) taps(py, px int) phaseTaps {
	return phaseTaps{*s,
		tapsOf(py, s.KH, s.Stride, s.Pad, s.Dil), tapsOf(px, s.KW, s.Stride, s.Pad, s.Dil),
		(s.H - py + s.Stride - 1) / s.Stride, (s.W - px + s.Stride - 1) / s.Stride}
}

// product sets up out [B·gh·gw, Cin] = patches of dy · the taps of w.
func (t *phaseTaps) product(in op.Precision, out []float32, accumulate bool, dy, w []float32) *product {
	s := &t.s
	p := newProduct(in, s.B*t.gh*t.gw, s.Cin, t.y.n*t.x.n*s.Cout, out, s.Cin, accumulate, epilogue{}, halves{})
	p.patches = gather{image: dy, h: s.Ho, w: s.Wo, c: s.Cout, gh: t.gh, gw: t.gw,
		stride: 1, oy: t.y.o, ox: t.x.o, ny: t.y.n, nx: t.x.n, stepY: t.y.step, stepX: t.x.step}
	p.weights = tapWeights{w, *t}
	p.a, p.b = &p.patches, &p.weights
	return p
}

// tapWeights is operand B of a phase: row (ty·nx + tx)·Cout + o is
// w[o, ky, kx, ·] of the tap (ty, tx).
type tapWeights struct {
	w []float32
	phaseTaps
}

// at is the position in the kernel of tap number tap.
func (t *phaseTaps) at(tap int) (ky, kx int) {
	return t.y.k0 - tap/t.x.n*t.y.dk, t.x.k0 - tap%t.x.n*t.x.dk
}

func (t *tapWeights) packB(isa *instructionSet, dst []float32, n0, n1, k0, k1 int) {
	s, nr := &t.s, isa.nr
	for k := k0; k < k1; k++ {
		o, tap := k%s.Cout, k/s.Cout
		ky, kx := t.at(tap)
		row := dst[(k-k0)*nr : (k-k0+1)*nr]
		copy(row, t.w[((o*s.KH+ky)*s.KW+kx)*s.Cin:][n0:n1])
		clear(row[n1-n0:])
	}
}

// scatter holds one phase of dx before it is spread over dx.
type scatter struct {
	out        []float32
	dx         []float32
	t          phaseTaps
	py, px     int
	accumulate bool
	body       func(lo, hi int)
}

var scatters freeList[scatter]

// phase computes the positions (py + i·Stride, px + j·Stride) of dx.
func (b *scatter) phase(in op.Precision, s *convShape, py, px int, dx, dy, w []float32, accumulate bool) {
	b.t = s.taps(py, px)
	b.out = growAligned(b.out, s.B*b.t.gh*b.t.gw*s.Cin)
	b.t.product(in, b.out, false, dy, w).run()
	b.dx, b.py, b.px, b.accumulate = dx, py, px, accumulate
	if b.body == nil {
		b.body = b.rows
	}
	parallelFor(s.B*b.t.gh, 4, b.body)
	b.dx = nil
}

// rows spreads grid rows [lo,hi), counted over the batch.
func (b *scatter) rows(lo, hi int) {
	s := &b.t.s
	for r := lo; r < hi; r++ {
		line := ((r/b.t.gh)*s.H + b.py + r%b.t.gh*s.Stride) * s.W
		for j := range b.t.gw {
			src := b.out[(r*b.t.gw+j)*s.Cin:][:s.Cin]
			dst := b.dx[(line+b.px+j*s.Stride)*s.Cin:][:s.Cin]
			if !b.accumulate {
				copy(dst, src)
				continue
			}
			for i, v := range src {
				dst[i] += v
			}
		}
	}
}
