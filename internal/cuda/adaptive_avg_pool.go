//go:build cuda

package cuda

import (
	"fmt"

	"hdmnet/internal/op"
)

// AdaptiveAvgPool averages x [B,H,W,C] over the cells of y [B,h,w,C].
func (d *Device) AdaptiveAvgPool(y, x op.Tensor) {
	s := op.CheckAdaptiveAvgPool(y, x)
	grid := grid2(ceil(s.C, 32), min(s.B*s.OutH*s.OutW, 65535), 32)
	grid.block[1] = 8
	d.launch("adaptive_avg_pool", grid, y, x, s.B, s.H, s.W, s.OutH, s.OutW, s.C)
}

// AdaptiveAvgPoolGrad adds dy/|cell| to dx over every cell.
func (d *Device) AdaptiveAvgPoolGrad(dx, dy op.Tensor) {
	s := op.CheckAdaptiveAvgPoolGrad(dx, dy)
	four := quads(s.C, address(dx), address(dy))
	d.launch("adaptive_avg_pool_grad", d.channelGrid(s.C, s.B*s.H*s.W, 1, four), dx, dy, s.B, s.H, s.W, s.OutH, s.OutW, s.C, four)
}

// poolLevels is PoolLevels of kernels/adaptive_avg_pool.cu.
type poolLevels struct {
	count    int32
	n, first [8]int32
	_        int32
	y        [8]pointer
}

// AdaptiveAvgPoolLevels sums the columns of every line's cells, which reads x once, then the
// lines of every cell.
func (d *Device) AdaptiveAvgPoolLevels(y []op.Tensor, x op.Tensor) {
	s := op.CheckAdaptiveAvgPoolLevels(y, x)
	var levels poolLevels
	if len(y) > len(levels.n) {
		panic(fmt.Sprintf("cuda: AdaptiveAvgPoolLevels of %d maps, at most %d", len(y), len(levels.n)))
	}
	columns, cells, four := 0, 0, quads(s.C, address(x))
	for i, t := range y {
		n := t.Shape()[1]
		levels.n[i], levels.first[i], levels.y[i] = int32(n), int32(columns), address(t)
		columns += n
		cells += s.B * n * n
		four = four && quads(s.C, levels.y[i])
	}
	levels.count = int32(len(y))
	ending := ""
	if op.IsHalf(x) {
		ending = "_half"
	}
	lines := d.scratch(s.B * s.H * columns * s.C)
	defer d.freeScratch(lines)
	d.launch("adaptive_pool_lines"+ending, d.channelGrid(s.C, s.B*s.H*columns, 1, four), lines, x, &levels, s.B*s.H, s.W, s.C, columns, four)
	d.launch("adaptive_pool_cells"+ending, d.channelGrid(s.C, cells, 1, four), lines, &levels, s.B, s.H, s.W, s.C, columns, cells, four)
}
