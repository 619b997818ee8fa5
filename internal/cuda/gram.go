//go:build cuda

package cuda

import "hdmnet/internal/op"

// gramArgs is GramArgs of kernels/gram.cu.
type gramArgs struct {
	partial, x     pointer
	n, c, partRows int32
	_              int32
}

// Gram computes g: the half of XᵀX on and above its diagonal, in parts of the positions
// side by side, then the cosines of both halves. In tf32 and bf16 the products are of
// features rounded to tf32; of halves they are exact.
func (d *Device) Gram(g, x op.Tensor) {
	batch, n, c := op.CheckGram(g, x)
	at := address(x)
	kernel, tile, threads, shared := "gram_any", 64, 256, 0
	if op.IsHalf(x) {
		kernel, tile, threads, shared = "gram_half", 128, halfThreads, halfShared(128, 128)
	} else if c%4 == 0 && aligned16(at) {
		kernel, tile = "gram_128", 128
		if p := d.precision.similarity(); p != fp32 {
			kernel, threads, shared = "gram_"+p.String(), tensorThreads, tensorStages*2*tensorStep*(tile+8)*4
		}
	}
	pairs := ceil(c, tile) * (ceil(c, tile) + 1) / 2
	parts, partRows := splitSum(n, ceil(pairs*batch, 4))
	partial := d.scratch(batch * parts * c * c)
	defer d.freeScratch(partial)
	grid := size{grid: [3]int{pairs, parts, batch}, block: [3]int{threads, 1, 1}, shared: shared}
	d.launch(kernel, grid, &gramArgs{partial: partial, x: at, n: int32(n), c: int32(c), partRows: int32(partRows)})
	squares := size{grid: [3]int{ceil(c, 32), ceil(c, 32), batch}, block: [3]int{32, 8, 1}}
	d.launch("gram_cosines", squares, g, partial, parts, c)
}

// GramDistance computes d: sums of squares in parts, then their roots.
func (d *Device) GramDistance(dist, gq, gs op.Tensor) {
	batch, shots, c := op.CheckGramDistance(dist, gq, gs)
	parts := min(32, ceil(c*c, 256))
	partial := d.scratch(batch * shots * parts)
	defer d.freeScratch(partial)
	d.launch("gram_squares", grid2(parts, batch*shots, 256), partial, gq, gs, shots, c*c)
	d.launch("gram_distance", d.perElement(batch*shots), dist, partial, parts, c, batch*shots)
}
