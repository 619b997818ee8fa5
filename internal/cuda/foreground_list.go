//go:build cuda

package cuda

// foregroundList finds the positions of each of groups masks of n where mask is not 0.
// list [groups,n] holds them in order, count [groups] how many there are; the host never
// learns them. Both are scratch memory: give list back.
func (d *Device) foregroundList(mask pointer, groups, n int) (list, count pointer) {
	list = d.scratch(groups*n + groups)
	count = offset(list, groups*n)
	d.launch("foreground_list", grid2(ceil(n, 256), groups, 256), list, count, mask, n)
	return list, count
}
