//go:build cuda

package cuda

import (
	"hdmnet/internal/op"
	"hdmnet/kernels"
)

// In bf16 frozen maps and their weights are halves: as short as bf16, as fast on tensor cores,
// and with the 11 bits of tf32, so that no layer needs to be kept finer. Bf16 would halve the
// tensors too, but a residual network adds its rounding up from block to block.

// halfConvArgs is HalfConvArgs of kernels/half_conv.cuh.
type halfConvArgs struct {
	convArgs
	halfOut, halfResidual int32
}

// The tiles of kernels/half_product.cuh.
const (
	halfStep    = 32
	halfStages  = 3
	halfThreads = 128
)

// halfShared is the dynamic shared memory of a tile.
func halfShared(rows, columns int) int { return halfStages * (rows + columns) * halfStep * 2 }

// The tiles of kernels/wgmma_product.cuh.
const (
	wgmmaStep  = 64
	wgmmaAlign = 1024
)

// wideTile is that of compute capability 9.0 for wide results of sums of leastWideTerms or more: one
// block has a multiprocessor to itself, so that nothing runs beside its beginning and its end.
var wideTile = productTile{"_128x256", 128, 256}

const leastWideTerms = 1024

// chooseHalfTile returns the tile of a convolution with sums of terms.
func (d *Device) chooseHalfTile(rows, columns, terms int) productTile {
	if d.target == kernels.SM90a && columns%wideTile.columns == 0 && terms >= leastWideTerms && wideTile.blocks(rows, columns) >= gpuBlocks {
		return wideTile
	}
	tile, _ := chooseTile(rows, columns, true)
	return tile
}

// wgmmaShared is the dynamic shared memory of a tile, which begins at a multiple of wgmmaAlign in it.
func wgmmaShared(tile productTile) int {
	stages := 3
	if tile == wideTile {
		stages = 4
	}
	return stages*(tile.rows+tile.columns)*wgmmaStep*2 + wgmmaAlign
}

// roundHalf rounds rows of c float32s to halves, with zeros up to padded ones (even).
func (d *Device) roundHalf(to, from pointer, rows, c, padded int) {
	d.launch("round_half", d.perElement(rows*padded/2), to, from, rows, c, padded)
}

// halfWeights rounds weights [rows, ci] for halfConv; the caller gives them back.
func (d *Device) halfWeights(from pointer, rows, ci int) (pointer, error) {
	padded := ceil(ci, halfStep) * halfStep
	at, err := d.alloc(int64(rows*padded) * 2)
	if err == nil {
		d.roundHalf(pointer(at), from, rows, ci, padded)
	}
	return pointer(at), err
}

// halfChannels is how many channels a map of halves has for one of c.
func halfChannels(c int) int { return ceil(c, op.HalfChannels) * op.HalfChannels }

// halfConv queues a convolution with weights of halves. An image in float32 is rounded first.
func (d *Device) halfConv(g convArgs, y, x, residual op.Tensor) {
	if ci := int(g.ci); !op.IsHalf(x) {
		padded := halfChannels(ci)
		rounded := d.scratch(ceil(g.inputs()*padded, 2))
		defer d.freeScratch(rounded)
		d.roundHalf(rounded, g.a, g.inputs(), ci, padded)
		g.a, g.ci = rounded, int32(padded)
	}
	a := halfConvArgs{convArgs: g}
	if op.IsHalf(y) {
		a.halfOut = 1
	}
	if op.IsHalf(residual) {
		a.halfResidual = 1
	}
	d.halfConvTile(d.chooseHalfTile(g.positions(), int(g.co), int(g.kh*g.kw*g.ci)), &a)
}

// halfConvTile queues a convolution in tiles of one size.
func (d *Device) halfConvTile(tile productTile, a *halfConvArgs) {
	blocks := tile.blocks(a.positions(), int(a.co))
	if d.target == kernels.SM90a {
		s := grid1(blocks, tile.rows*2)
		s.shared = wgmmaShared(tile)
		d.launch("wgmma_conv"+tile.name, s, a)
		return
	}
	s := grid1(blocks, halfThreads)
	s.shared = halfShared(tile.rows, tile.columns)
	d.launch("half_conv"+tile.name, s, a)
}
