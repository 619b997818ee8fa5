//go:build cuda

package cuda

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
