package cpu

// pairedOperands are the operands of one product of pairs.
type pairedOperands struct {
	a    pairedA
	b    pairedPatches
	work [2][]float32 // work memory of A and B as a whole, or nil
}

var pairedFree freeList[pairedOperands]

// toPairs turns the operands and the inner dimension of p into pairs. B packed before, by
// packWeights, is in pairs already. The caller frees what it returns after the product.
func (p *product) toPairs() *pairedOperands {
	o, s := pairedFree.get(), p.isa.terms
	k, vector := p.k, p.k // values, and how many belong to one vector
	if p.a == &p.patches {
		vector = p.patches.c
	}
	p.k = k / max(vector, 1) * s.depth(vector)
	switch {
	case p.half.x && p.a == &p.patches:
		p.patches.c = s.depth(p.patches.c)
	case p.half.x:
		p.denseA.ld = p.k
	case p.a == &p.patches:
		g := &p.patches
		o.work[0] = pairing{isa: p.isa, terms: s.a, src: g.image, ld: g.c, rows: len(g.image) / g.c, n: g.c}.alongRows()
		g.image, g.c = o.work[0], s.depth(g.c)
	case p.denseA.transposed:
		o.work[0] = pairing{isa: p.isa, terms: s.a, src: p.denseA.data, ld: p.denseA.ld, rows: k, n: p.m}.acrossRows()
		p.denseA = matrix{o.work[0], p.m, true}
	default:
		o.a = pairedA{p.denseA, k}
		p.a = &o.a
	}
	switch {
	case p.packed != nil:
	case p.b == &p.patches:
		o.b = pairedPatches{p.patches, k}
		p.b = &o.b
	case p.b == &p.weights:
		o.work[1] = p.weights.inPairs(p.isa)
		p.denseB = matrix{o.work[1], p.n, false}
		p.b = &p.denseB
	case p.denseB.transposed:
		b := pairing{isa: p.isa, terms: s.b, src: p.denseB.data, ld: p.denseB.ld, rows: p.n, n: k}
		if vector < k { // the taps of a row follow each other without gaps
			b.rows, b.n, b.ld = p.n*k/vector, vector, vector
		}
		o.work[1] = b.alongRows()
		p.denseB = matrix{o.work[1], p.k, true}
	default:
		o.work[1] = pairing{isa: p.isa, terms: s.b, src: p.denseB.data, ld: p.denseB.ld, rows: k, n: p.n}.acrossRows()
		p.denseB = matrix{o.work[1], p.n, false}
	}
	return o
}

// free gives the work memory back.
func (o *pairedOperands) free() {
	for i, w := range o.work {
		if w != nil {
			freeScratch(w)
		}
		o.work[i] = nil
	}
	o.a, o.b = pairedA{}, pairedPatches{}
	pairedFree.put(o)
}

// pairedA is a dense operand A, not transposed, that becomes pairs while it is packed.
type pairedA struct {
	matrix
	k int // its inner dimension, in values
}

func (a *pairedA) packA(isa *instructionSet, dst []float32, m0, m1, k0, k1 int) (rs, ks int) {
	stride, s := kStride(k1-k0), isa.terms
	first, last := s.values(k0, a.k), s.values(k1, a.k)
	if first < last {
		isa.pairRows(s.a, dst, stride, a.data[m0*a.ld+first:], a.ld, m1-m0, last-first)
	}
	return stride, 1
}

// pairedPatches is an operand B of patches, of which the grid is the inner dimension, that
// becomes pairs while it is packed.
type pairedPatches struct {
	gather
	k int // its inner dimension, in values
}

func (b *pairedPatches) packB(isa *instructionSet, dst []float32, n0, n1, k0, k1 int) {
	s, nr := isa.terms, isa.nr
	first, last := s.values(k0, b.k), s.values(k1, b.k)
	rows := takeScratch((last - first) * nr)
	b.gather.packB(isa, rows, n0, n1, first, last)
	isa.pairColumns(s.b, dst, nr, rows, nr, last-first, nr)
	freeScratch(rows)
}

// inPairs is the operand as a matrix of pairs, tap after tap, in work memory.
func (t *tapWeights) inPairs(isa *instructionSet) []float32 {
	s, taps := isa.terms, t.y.n*t.x.n
	depth := s.depth(t.s.Cout)
	pairs := takeScratch(taps * depth * t.s.Cin)
	tapPairing.run(taps, 1, tapArgs{t, isa, pairs})
	return pairs
}

type tapArgs struct {
	*tapWeights
	isa   *instructionSet
	pairs []float32
}

var tapPairing = newLoop(func(a *tapArgs, lo, hi int) {
	s := &a.s
	size := a.isa.terms.depth(s.Cout) * s.Cin
	for tap := lo; tap < hi; tap++ {
		ky, kx := a.at(tap)
		a.isa.pairColumns(a.isa.terms.b, a.pairs[tap*size:], s.Cin, a.w[(ky*s.KW+kx)*s.Cin:], s.KH*s.KW*s.Cin, s.Cout, s.Cin)
	}
})
