//go:build cuda

package cuda

import (
	"fmt"

	"hdmnet/internal/op"
)

// pyramidLevels is Levels of kernels/pyramid_spread.cu.
type pyramidLevels struct {
	count    int32
	n, first [8]int32
	_        int32
	q        [8]pointer
}

// PyramidSpread sums the rows of cells for every line of y, then spreads the sums over its
// columns.
func (d *Device) PyramidSpread(y op.Tensor, q []op.Tensor) {
	op.CheckPyramidSpread(y, q)
	var levels pyramidLevels
	if len(q) > len(levels.n) {
		panic(fmt.Sprintf("cuda: PyramidSpread of %d maps, at most %d", len(q), len(levels.n)))
	}
	s := y.Shape()
	b, h, w, co := s[0], s[1], s[2], s[3]
	vectors, fours := 0, quads(co) // sums of a line
	for i, t := range q {
		n := t.Shape()[1]
		levels.n[i], levels.first[i], levels.q[i] = int32(n), int32(vectors), address(t)
		fours = fours && quads(co, levels.q[i])
		vectors += 3 * n
	}
	levels.count = int32(len(q))
	lines := d.scratch(b * h * vectors * co)
	defer d.freeScratch(lines)
	d.launch("pyramid_lines", d.channelGrid(co, b*h*vectors, 1, fours), lines, &levels, b, h, co, vectors, fours)
	four := quads(co, address(y))
	kernel := "pyramid_columns"
	if op.IsHalf(y) {
		kernel = "pyramid_columns_half"
	}
	d.launch(kernel, d.channelGrid(co, b*h*w, 1, four), y, lines, &levels, b, h, w, co, vectors, four)
}
