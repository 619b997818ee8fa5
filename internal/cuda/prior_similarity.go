//go:build cuda

package cuda

import "hdmnet/internal/op"

// priorArgs is PriorArgs of kernels/prior_similarity.cu.
type priorArgs struct {
	best, q, s, qNorm, sNorm, list, count pointer
	n, m, c, shots                        int32
}

// PriorSimilarity computes y: tiles of the products between the queries and the foreground
// of each shot, reduced to a maximum for each query as soon as they are there. In tf32 and
// bf16 the products are of rounded features: a cosine is off by at most about twice what
// one input is.
func (d *Device) PriorSimilarity(y, q, s, mask op.Tensor) {
	p := op.CheckPriorSimilarity(y, q, s, mask)
	batch, shots, n, m, c := p.B, p.K, p.N, p.M, p.C
	groups := batch * shots
	list, count := d.foregroundList(address(mask), groups, m)
	defer d.freeScratch(list)
	norms := d.scratch(batch*n + groups*m)
	defer d.freeScratch(norms)
	best := d.scratch(groups * n)
	defer d.freeScratch(best)
	a := priorArgs{best: best, q: address(q), s: address(s), qNorm: norms, sNorm: offset(norms, batch*n), list: list, count: count,
		n: int32(n), m: int32(m), c: int32(c), shots: int32(shots)}
	normKernel := "prior_norms"
	if op.IsHalf(q) {
		normKernel = "prior_norms_half"
	}
	d.launch(normKernel, grid2(ceil(n, 8), batch, 256), a.qNorm, q, nil, nil, n, c)
	d.launch(normKernel, grid2(ceil(m, 8), groups, 256), a.sNorm, s, list, count, m, c)
	d.launch("prior_start", d.perElement(groups*n), best, count, n, m, groups*n)
	kernel, tile, threads, shared := "prior_any", 64, 256, 0
	if op.IsHalf(q) {
		kernel, tile, threads, shared = "prior_half", 128, halfThreads, halfShared(128, 128)
	} else if c%4 == 0 && aligned16(a.q, a.s) {
		kernel, tile = "prior_128", 128
		if d.precision != fp32 {
			kernel, threads, shared = d.staged("prior_"+d.precision.String(), 2*tile*tensorStep*4)
		}
	}
	tiles := grid2(ceil(n, tile)*ceil(m, tile), groups, threads)
	tiles.shared = shared
	d.launch(kernel, tiles, &a)
	d.launch("prior_mean", d.perElement(batch*n), y, best, shots, n, batch*n)
}
