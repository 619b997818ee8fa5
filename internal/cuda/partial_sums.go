//go:build cuda

package cuda

import "hdmnet/internal/op"

// chunks cuts rows into chunks for sums in two steps (kernels/partial_sums.cu). It
// depends on the number of rows alone, so that the sums have the same bits on every GPU.
func chunks(rows int) (count, chunkRows int) {
	count = max(1, min(256, rows/64))
	chunkRows = ceil(rows, count)
	return ceil(rows, chunkRows), chunkRows
}

// addPartials adds the sum of count rows of n partial values to out, now or late.
func (d *Device) addPartials(out, partial pointer, count, n int) {
	if !d.later(partialSum{out, partial, int32(n), int32(count)}) {
		d.launch("add_partials", d.perElement(n), out, partial, count, n)
	}
}

// addColumnSums adds the column sums of x [rows, cols] to out [cols].
func (d *Device) addColumnSums(out, x op.Tensor, rows, cols int) {
	count, chunkRows := chunks(rows)
	partial := d.scratch(count * cols)
	defer d.freeScratch(partial)
	s := grid2(ceil(cols, 32), count, 32)
	s.block[1] = 8
	d.launch("column_partials", s, partial, x, rows, cols, chunkRows)
	d.addPartials(address(out), partial, count, cols)
}
