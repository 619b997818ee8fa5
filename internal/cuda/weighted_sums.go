//go:build cuda

package cuda

// weightedSums is Σ_r weights[s,r]·x[g,r,c] over the rows r < count[s], with s = g/perSample;
// weights and count may be 0.
type weightedSums struct {
	x, weights, count  pointer
	groups, rows, cols int
	perSample          int // groups of a sample
	scale              float32
}

// run writes the sums times scale to out [groups,cols].
func (w *weightedSums) run(d *Device, out any) {
	count, chunkRows := chunks(w.rows)
	partial := d.scratch(w.groups * count * w.cols)
	defer d.freeScratch(partial)
	s := size{grid: [3]int{ceil(w.cols, 32), count, w.groups}, block: [3]int{32, 8, 1}}
	d.launch("weighted_partials", s, partial, w.x, w.weights, w.count, w.rows, w.cols, w.perSample, chunkRows)
	n := w.groups * w.cols
	d.launch("sum_weighted_partials", d.perElement(n), out, partial, count, w.cols, n, w.scale)
}
