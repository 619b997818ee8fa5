package cpu

import (
	"unsafe"

	"hdmnet/internal/op"
)

// tileFunc computes one mr×nr tile of C over kc steps of the inner dimension:
//
//	C[i,j] = relu(C[i,j]? + Σ_k A[i,k]·B[k,j] + bias[j]? + residual[i,j]?)
//
// The flags say which of the optional terms (?) and whether relu take part.
// A[i,k] is a[i·rs + k·ks]; B[k,j] is b[k·nr + j], a packed panel; rows of C
// and of residual are ldc elements apart; bias has nr elements. The sum runs
// over k in rising order. Every tileFunc reads and writes whole tiles.
type tileFunc func(kc int, a *float32, rs, ks int, b, c *float32, ldc int, bias, residual *float32, flags int)

// tileFor returns the kernel for tiles of some columns, and how many it computes.
func (isa *instructionSet) tileFor(columns int) (tile tileFunc, width int) {
	if isa.halfTile != nil && columns <= isa.nr/2 {
		return isa.halfTile, isa.nr / 2
	}
	return isa.tile, isa.nr
}

// The flags of a tileFunc; asm/gen.go has the same ones.
const (
	flagAccumulate = 1 << iota
	flagBias
	flagResidual
	flagReLU
)

// tileGo is the 4×4 tileFunc in plain Go.
func tileGo(kc int, a *float32, rs, ks int, b, c *float32, ldc int, bias, residual *float32, flags int) {
	var s [4][4]float32
	if kc > 0 {
		as := unsafe.Slice(a, 3*rs+(kc-1)*ks+1)
		bs := unsafe.Slice(b, 4*kc)
		tileGo2(s[0:2], as, rs, ks, bs)
		tileGo2(s[2:4], as[2*rs:], rs, ks, bs)
	}
	cs := unsafe.Slice(c, 3*ldc+4)
	epi := epilogue{activation: op.ReLUIf(flags&flagReLU != 0)}
	if flags&flagBias != 0 {
		epi.bias = unsafe.Slice(bias, 4)
	}
	if flags&flagResidual != 0 {
		epi.residual = unsafe.Slice(residual, 3*ldc+4)
	}
	for i := range s {
		epi.finishRow(cs[i*ldc:i*ldc+4], s[i][:], flags&flagAccumulate != 0, i*ldc, 0)
	}
}

// tileGo2 sums two rows of a tile: 8 accumulators fit the registers of every
// architecture.
func tileGo2(s [][4]float32, a []float32, rs, ks int, b []float32) {
	var s00, s01, s02, s03, s10, s11, s12, s13 float32
	for k := 0; len(b) >= 4; k += ks {
		b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
		b = b[4:]
		a0, a1 := a[k], a[k+rs]
		s00 += a0 * b0
		s01 += a0 * b1
		s02 += a0 * b2
		s03 += a0 * b3
		s10 += a1 * b0
		s11 += a1 * b1
		s12 += a1 * b2
		s13 += a1 * b3
	}
	s[0] = [4]float32{s00, s01, s02, s03}
	s[1] = [4]float32{s10, s11, s12, s13}
}

// epilogue is what happens to a product before it is stored:
// C = activation(AB + bias + residual). The zero value does nothing. Kernels do all but GELU.
type epilogue struct {
	bias       []float32 // one per column, or nil
	residual   []float32 // laid out as C, or nil
	activation op.Activation
}

// flags returns the flags of a tileFunc for e.
func (e *epilogue) flags() int {
	flags := 0
	if e.bias != nil {
		flags |= flagBias
	}
	if e.residual != nil {
		flags |= flagResidual
	}
	if e.activation == op.ReLUActivation {
		flags |= flagReLU
	}
	return flags
}

// finishRow stores sum, plus dst itself if accumulate, into dst with the
// epilogue applied. dst is C's row part at element at, column col. It uses sum
// as work memory. The order of the additions is that of a tileFunc.
func (e *epilogue) finishRow(dst, sum []float32, accumulate bool, at, col int) {
	sum = sum[:len(dst)]
	if accumulate {
		addPlain(sum, dst)
	}
	if e.bias != nil {
		addPlain(sum, e.bias[col:])
	}
	if e.residual != nil {
		addPlain(sum, e.residual[at:])
	}
	if e.activation == op.ReLUActivation {
		for j, v := range sum {
			if v < 0 {
				sum[j] = 0
			}
		}
	}
	copy(dst, sum)
}

// addPlain is addRow without assembly, for instructionSets holds what calls it.
func addPlain(y, x []float32) {
	x = x[:len(y)]
	for j := range y {
		y[j] += x[j]
	}
}

// copyRowsGo is the copyRowsFunc in plain Go.
func copyRowsGo(dst *float32, width int, src *float32, ld, rows, n, fill int) {
	d := unsafe.Slice(dst, (rows-1)*width+fill)
	s := unsafe.Slice(src, (rows-1)*ld+n)
	for k := range rows {
		row := d[k*width : k*width+fill]
		copy(row, s[k*ld:k*ld+n])
		clear(row[n:])
	}
}

// transpose8Go is the transpose8Func in plain Go.
func transpose8Go(dst *float32, width int, src *float32, ld, blocks int) {
	k := 8 * blocks
	d := unsafe.Slice(dst, (k-1)*width+8)
	s := unsafe.Slice(src, 7*ld+k)
	for j := range 8 {
		for i, v := range s[j*ld : j*ld+k] {
			d[i*width+j] = v
		}
	}
}
