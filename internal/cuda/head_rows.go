//go:build cuda

package cuda

import (
	"fmt"

	"hdmnet/internal/op"
)

// headShape is a tensor [batch, n, heads·d] whose heads are padded to dp channels, the
// width that kernels/attention.cuh has code for.
type headShape struct{ batch, n, heads, d, dp int }

// headShapes returns the shapes of the queries and of the keys.
func headShapes(operator string, s op.AttentionSizes) (queries, keys headShape) {
	queries = headShape{batch: s.B, n: s.N, heads: s.Heads, d: s.D, dp: padHead(operator, s.D)}
	keys = queries
	keys.n = s.M
	return queries, keys
}

// maxHeadChannels is the widest row of kernels/attention.cuh.
const maxHeadChannels = 64

// padHead returns the width that rows of d channels are padded to.
func padHead(operator string, d int) int {
	for _, dp := range []int{8, 16, 32, maxHeadChannels} {
		if d <= dp {
			return dp
		}
	}
	panic(&op.DeviceError{Err: fmt.Errorf("cuda: %s: heads of %d channels; the GPU does at most %d: use more heads, or the CPU", operator, d, maxHeadChannels)})
}

// len is the number of elements of the padded rows.
func (s headShape) len() int { return s.batch * s.heads * s.n * s.dp }

// grid is a launch of a thread for every four channels of the rows.
func (s headShape) grid() size { return grid1(ceil(s.len()/4, 256), 256) }

// headRows is HeadRows of kernels/attention.cuh.
type headRows struct {
	x            pointer
	sample, head int
	stride       int32
	_            int32
}

// direct returns the rows of t as they lie; ok is false where they need padding.
func (s headShape) direct(t op.Tensor) (rows headRows, ok bool) {
	c := s.heads * s.d
	return headRows{x: address(t), sample: s.n * c, head: s.d, stride: int32(c)}, s.d == s.dp && address(t)%16 == 0
}

// packed returns the rows of padded memory [batch, heads, n, dp].
func (s headShape) packed(p pointer) headRows {
	return headRows{x: p, sample: s.heads * s.n * s.dp, head: s.n * s.dp, stride: int32(s.dp)}
}

// packArgs is PackRowsArgs of kernels/head_rows.cu.
type packArgs struct {
	rows, x, list, count, mean pointer
	batch                      int
	n, heads, d, dp            int32
	round, _                   int32
}

// pack writes the padded rows of a.x; those of a list of positions only, and without their
// mean, where those are not 0.
func (d *Device) pack(s headShape, a packArgs) {
	a.batch, a.n, a.heads, a.d, a.dp = s.batch, int32(s.n), int32(s.heads), int32(s.d), int32(s.dp)
	d.launch("pack_rows", s.grid(), &a)
}

// unpack writes the sum of splits padded rows to y, or adds it.
func (d *Device) unpack(s headShape, y op.Tensor, rows pointer, splits int, add bool) {
	d.launch("unpack_rows", s.grid(), y, nil, rows, nil, splits, add, false, s.batch, s.n, s.heads, s.d, s.dp)
}

// unpackBoth is unpack for two tensors, of which one may be nil.
func (d *Device) unpackBoth(s headShape, y [2]op.Tensor, rows [2]pointer, splits int, add [2]bool) {
	for i, t := range y {
		if t == nil {
			if other := 1 - i; y[other] != nil {
				d.unpack(s, y[other], rows[other], splits, add[other])
			}
			return
		}
	}
	grid := s.grid()
	grid.grid[1] = 2
	d.launch("unpack_rows", grid, y[0], y[1], rows[0], rows[1], splits, add[0], add[1], s.batch, s.n, s.heads, s.d, s.dp)
}

// rowSplits is in how many parts blocks walk through the other rows, so that rows times
// splits are threads enough for a GPU, wanted. It depends on the shape alone.
func rowSplits(rows, others, wanted int) int {
	return max(1, min(16, wanted/rows, others/256))
}
