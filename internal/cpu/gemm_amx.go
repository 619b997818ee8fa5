package cpu

import "hdmnet/internal/op"

// columnFunc computes one panel of 32 columns of C, or the first cols of them, for some rows:
// the product of steps·16 pairs of bf16, with what flags, those of a tileFunc, ask for.
//
// A is rows of pairs, rs elements apart, as many as whole tiles of 32 have; b is a packed
// panel; rows of C and of residual are ldc elements apart; bias has cols elements. Of the
// matrices C and residual nothing else is touched. The sum runs over k in rising order. work
// is for 32×32 sums; config says what the tiles hold.
type columnFunc func(config *byte, steps int, a *float32, rs int, b, c *float32, ldc int, bias, residual *float32,
	flags, rows, cols int, work *float32)

// tileSize is the rows and the columns of C, and the pairs of the inner dimension, that tiles
// hold at a time; an operand's tile has half the rows.
const (
	tileRows = 32
	tileStep = 16
)

// tileConfig is what the instruction LDTILECFG loads: palette 1, and for each of the eight
// tiles 64 bytes in each of 16 rows.
var tileConfig = func() (config [64]byte) {
	config[0] = 1
	for tile := range 8 {
		config[16+2*tile], config[48+tile] = 64, 16
	}
	return config
}()

// withTiles returns the instruction set isa, which has pairs of bf16, with products of pairs
// by tiles.
func (isa *instructionSet) withTiles(name, requires string, usable bool, column columnFunc) *instructionSet {
	tiles := *isa
	tiles.name, tiles.requires, tiles.usable = name, requires, usable
	tiles.pairs = map[op.Precision]*instructionSet{}
	for p, pairs := range isa.pairs {
		in := *pairs
		in.name, in.column = name+" in "+p.String(), column
		in.mr, in.nr, in.step, in.tile, in.halfTile = tileRows, tileRows, tileStep, nil, nil
		tiles.pairs[p] = &in
	}
	return &tiles
}

// hasTiles tells whether products of pairs of bf16 are by tiles, an order of magnitude faster
// than those of float32.
func (isa *instructionSet) hasTiles() bool {
	pairs := isa.pairs[op.BF16]
	return pairs != nil && pairs.column != nil
}

// runColumn computes C[i0:i1, j0:j1], at most one panel of columns.
func (p *product) runColumn(buf *blockBuffers, out *target, kc int, a []float32, rs int, b []float32, i0, i1, j0, j1 int) {
	var bp, bias, residual *float32
	if kc > 0 {
		bp = &b[0]
	}
	at := out.at(i0, j0)
	if out.flags&flagBias != 0 {
		bias = &out.epi.bias[j0]
	}
	if out.flags&flagResidual != 0 {
		residual = &out.epi.residual[at]
	}
	p.isa.column(&tileConfig[0], (kc+tileStep-1)/tileStep, &a[0], rs, bp, &out.c[at], out.ldc, bias, residual,
		out.flags, i1-i0, j1-j0, &buf.tile[0])
}

// fillSteps zeroes the pairs after the kc of each of some rows, up to a whole step.
func (isa *instructionSet) fillSteps(a []float32, rows, rs, kc int) {
	if rest := roundUp(kc, isa.step) - kc; rest > 0 {
		for i := range rows {
			clear(a[i*rs+kc:][:rest])
		}
	}
}

// transposeRows writes columns [0, n) of k rows of src, ld elements apart, as rows of dst,
// which are stride elements apart.
func (isa *instructionSet) transposeRows(dst []float32, stride int, src []float32, ld, n, k int) {
	blocks, whole := n/8, k/8*8
	if blocks > 0 {
		for at := 0; at < whole; at += 8 {
			isa.transpose8(&dst[at], stride, &src[at*ld], ld, blocks)
		}
	}
	for i := range n {
		first := 0
		if i < 8*blocks {
			first = whole
		}
		for at := first; at < k; at++ {
			dst[i*stride+at] = src[at*ld+i]
		}
	}
}
