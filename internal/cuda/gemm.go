//go:build cuda

package cuda

// gemmArgs is GemmArgs of kernels/gemm.cuh: C[m,n] (+)= A[m,k]·B[k,n] + bias[n]. The
// matrices lie with rows lda, ldb, ldc apart; accumulate is 1 when C is added to.
type gemmArgs struct {
	c, a, b, bias pointer
	m, n, k       int
	lda, ldb, ldc int
	splitK        int
	accumulate    int32
	_             int32
}

// gemmWave is about how many blocks keep a GPU busy. It is no attribute of this GPU: where
// k is split must not depend on it.
const gemmWave = 128

// gemm queues a product in float32. layout tells how A and B lie: "nt" [m,k] and [n,k],
// "nn" [m,k] and [k,n], "tn" [k,m] and [k,n].
func (d *Device) gemm(layout string, g gemmArgs) {
	tile, suffix := 128, "_128"
	if ceil(g.m, tile)*ceil(g.n, tile) < gemmWave {
		tile, suffix = 64, "_64"
	}
	s := grid2(ceil(g.n, tile), ceil(g.m, tile), 256)
	g.splitK = g.k
	// A long sum with few tiles, as in gradients of weights: parts of the sum side by side.
	splits := min(gemmWave/(s.grid[0]*s.grid[1]), g.k/512)
	if splits < 2 || g.accumulate == 0 || g.ldc != g.n {
		d.launch("gemm_"+layout+suffix, s, &g)
		return
	}
	g.splitK = ceil(g.k, splits)
	splits = ceil(g.k, g.splitK)
	s.grid[2] = splits
	out := g.c
	partial := d.borrow(splits * g.m * g.n)
	defer d.giveBack(partial)
	g.c, g.accumulate = partial, 0
	d.launch("gemm_"+layout+suffix, s, &g)
	d.addPartials(out, partial, splits, g.m*g.n)
}
