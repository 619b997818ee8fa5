//go:build cuda

package cuda

import "hdmnet/internal/op"

// In bf16 frozen maps and their weights are halves: as short as bf16, as fast on tensor cores,
// and with the 11 bits of tf32, so that no layer needs to be kept finer. Bf16 would halve the
// tensors too, but a residual network adds its rounding up from block to block.

// halfConvArgs is HalfConvArgs of kernels/half_conv.cu.
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
	tile, blocks := chooseTile(g.positions(), int(g.co), true)
	s := grid1(blocks, halfThreads)
	s.shared = halfShared(tile.rows, tile.columns)
	d.launch("half_conv"+tile.name, s, &a)
}
