//go:build cuda

package cuda

import "hdmnet/internal/op"

// perFour is a launch for kernels that walk n elements by for_elements of
// kernels/elements.cuh.
func (d *Device) perFour(n int) size { return d.perElement(ceil(n, 4)) }

// quads tells whether rows of c floats in all of ts can be read four floats at a time.
// Tensors may be views that begin anywhere.
func quads(c int, ts ...pointer) bool {
	for _, t := range ts {
		if t%16 != 0 {
			return false
		}
	}
	return c%4 == 0
}

const columnThreads = 256 // of a block of columnBlock and channelGrid

// columnBlock is a launch for sums over rows, kernels/batch_norm.cu: blocks of columns ×
// rows of threads, as wide as c needs up to a warp, and chunks of rows on the second axis.
// It depends on the shape alone, as the order of the sums does.
func columnBlock(c, chunks int) size {
	x := 1
	for x < 32 && x < c {
		x *= 2
	}
	return size{grid: [3]int{ceil(c, x), chunks, 1}, block: [3]int{x, columnThreads / x, 1}}
}

// channelGrid is a launch for kernels that walk samples × rows of c channels by
// for_channels of kernels/elements.cuh.
func (d *Device) channelGrid(c, rows, samples int, quads bool) size {
	if quads {
		c /= 4
	}
	s := columnBlock(c, 1)
	samples = min(samples, 65535)
	wanted := max(1, d.sms*16/(s.grid[0]*samples))
	s.grid[1] = min(wanted, max(1, ceil(rows, s.block[1])), 65535)
	s.grid[2] = samples
	return s
}

// matrixRows returns how many rows of channels t has, and the channels.
func matrixRows(t op.Tensor) (rows, c int) {
	c = op.Last(t)
	return op.Len(t) / c, c
}
