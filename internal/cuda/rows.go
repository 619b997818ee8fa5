//go:build cuda

package cuda

import (
	"fmt"

	"hdmnet/internal/op"
)

// rowGroup is how many lanes hold one row of c channels, kernels/rows.cuh.
func rowGroup(c int) int {
	group := 1
	for group < 32 && group < c {
		group *= 2
	}
	return group
}

const rowThreads = 256 // of a block that walks rows by FOR_GROUPS

// rowGrid is a launch for kernels that walk rows by FOR_GROUPS, of at most most blocks.
func rowGrid(rows, group, most int) size {
	return grid1(max(1, min(ceil(rows, rowThreads/group), most)), rowThreads)
}

// checkRows panics unless t has one value for each of rows positions.
func checkRows(operator string, t op.Tensor, rows int) {
	if op.Len(t) != rows {
		panic(fmt.Sprintf("op: %s: %v for %d positions, want one value each", operator, t.Shape(), rows))
	}
}
