//go:build cuda

package cuda

import "hdmnet/internal/op"

// gemmArgs is GemmArgs of kernels/linear.cu: C[m,n] (+)= A[m,k]·B[k,n] + bias[n] +
// residual, then ReLU. The matrices lie with rows lda, ldb, ldc apart, residual as C;
// accumulate is 1 when C is added to.
type gemmArgs struct {
	c, a, b, bias, residual pointer
	m, n, k                 int
	lda, ldb, ldc           int
	splitK                  int
	accumulate, relu        int32
	sums                    pointer
}

// gemm queues a product in float32. layout tells how A and B lie: "nt" [m,k] and [n,k],
// "nn" [m,k] and [k,n], "tn" [k,m] and [k,n].
func (d *Device) gemm(layout string, g gemmArgs) { d.gemmIn(fp32, layout, g) }

// gemmIn is gemm in p, of the layouts "nn" and "tn" where p is not fp32. The library takes it in
// fp32 and tf32.
func (d *Device) gemmIn(p precision, layout string, g gemmArgs) {
	if !d.libraryGemm(p, layout, g) {
		d.ownGemm(p, layout, g, nil)
	}
}

func (d *Device) libraryGemm(p precision, layout string, g gemmArgs) bool {
	return p != bf16 && d.productByLibrary(layout, g, p, func(g gemmArgs) { d.ownGemm(p, layout, g, nil) })
}

// gemmSums is gemmIn of the layout "tn", and adds the sums over A's rows to sums [m].
func (d *Device) gemmSums(p precision, g gemmArgs, sums, a op.Tensor) {
	own := p != fp32 && !d.libraryGemm(p, "tn", g)
	if own {
		d.ownGemm(p, "tn", g, sums)
		return
	}
	if p == fp32 {
		d.gemmIn(p, "tn", g)
	}
	d.addColumnSums(sums, a, g.k, g.m)
}

// ownGemm is gemm by kernels/linear.cu, and kernels/tensor_gradient.cu on tensor cores.
// On these it adds the sums of A's rows to sums, unless that is nil.
func (d *Device) ownGemm(p precision, layout string, g gemmArgs, sums op.Tensor) {
	tile, blocks := chooseTile(g.m, g.n, g.aligned(layout))
	length := g.k
	if g.accumulate != 0 && g.ldc == g.n { // parts of the sum side by side
		tile, blocks, length = chooseSplit(g.m, g.n, g.k, g.aligned(layout))
	}
	kernel, threads, shared := d.gradientKernel(p, "gemm_"+layout, layout == "nn", tile)
	length = ceil(length, 4) * 4 // parts begin at an address that may be read by fours
	parts := ceil(g.k, length)
	g.splitK = length
	s := grid2(blocks, parts, threads)
	s.shared = shared
	if sums != nil {
		g.sums = d.scratch(parts * g.m)
		defer d.freeScratch(g.sums)
		defer d.addPartials(address(sums), g.sums, parts, g.m)
	}
	if parts == 1 {
		d.launch(kernel, s, &g)
		return
	}
	out := g.c
	partial := d.scratch(parts * g.m * g.n)
	defer d.freeScratch(partial)
	g.c, g.accumulate = partial, 0
	d.launch(kernel, s, &g)
	d.addPartials(out, partial, parts, g.m*g.n)
}

// aligned tells whether the operands may be copied, and C written, by fours.
func (g *gemmArgs) aligned(layout string) bool {
	if g.lda%4 != 0 || g.ldb%4 != 0 || !aligned16(g.a, g.b) {
		return false
	}
	switch layout {
	case "nt":
		return g.k%4 == 0
	case "nn":
		return g.k%4 == 0 && g.n%4 == 0 && g.ldc%4 == 0 && aligned16(g.c)
	}
	return g.m%4 == 0 && g.n%4 == 0 && g.ldc%4 == 0 && aligned16(g.c)
}
