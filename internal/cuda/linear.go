//go:build cuda

package cuda

import "hdmnet/internal/op"

// Linear computes y = x·wᵀ + bias as one product over all positions.
func (d *Device) Linear(y, x, w, bias op.Tensor) {
	rows, in, out := op.CheckLinear(y, x, w, bias)
	if p := d.precision.layer(1, in, out); p != fp32 {
		g := newConvArgs([]int{1, 1, rows, in}, []int{out, 1, 1, in}, op.ConvParams{Stride: 1, Dilation: 1})
		g.out, g.a, g.b, g.bias = address(y), address(x), address(w), address(bias)
		d.roundedConv(p, g)
		return
	}
	d.gemm("nt", gemmArgs{
		c: address(y), a: address(x), b: address(w), bias: address(bias),
		m: rows, n: out, k: in, lda: in, ldb: in, ldc: out,
	})
}

// LinearGradInput adds dy·w to dx.
func (d *Device) LinearGradInput(dx, dy, w op.Tensor) {
	rows, in, out := op.CheckLinearGradInput(dx, dy, w)
	d.gemmIn(d.precision.layer(1, in, out), "nn", gemmArgs{
		c: address(dx), a: address(dy), b: address(w),
		m: rows, n: in, k: out, lda: out, ldb: in, ldc: in, accumulate: d.accumulates(dx),
	})
}

// accumulates is 1 where a product is to be added to t, 0 where t was cleared just now.
func (d *Device) accumulates(t op.Tensor) int32 {
	if d.fresh(t) {
		return 0
	}
	return 1
}

// LinearGradWeight adds dyᵀ·x to dw and the column sums of dy to db.
func (d *Device) LinearGradWeight(dw, db, x, dy op.Tensor) {
	rows, in, out := op.CheckLinearGradWeight(dw, db, x, dy)
	g := gemmArgs{
		c: address(dw), a: address(dy), b: address(x),
		m: out, n: in, k: rows, lda: out, ldb: in, ldc: in, accumulate: 1,
	}
	switch p := d.precision.layer(1, in, out); {
	case db == nil && dw != nil:
		d.gemmIn(p, "tn", g)
	case dw != nil:
		d.gemmSums(p, g, db, dy)
	case db != nil:
		d.addColumnSums(db, dy, rows, out)
	}
}

// linearGradArgs is LinearGradArgs of kernels/tensor_gradient.cu.
type linearGradArgs struct {
	input, weight             gemmArgs
	weightBlocks, weightParts int32
}

// LinearGrad adds the gradients of x, w and bias: on tensor cores side by side in one launch,
// where four elements are read at a time and no library takes the products.
func (d *Device) LinearGrad(dx, dw, db, dy, x, w op.Tensor) {
	rows, in, out := op.CheckLinearGrad(dx, dw, db, dy, x, w)
	a := linearGradArgs{
		input:  gemmArgs{c: address(dx), a: address(dy), b: address(w), m: rows, n: in, k: out, lda: out, ldb: in, ldc: in},
		weight: gemmArgs{c: address(dw), a: address(dy), b: address(x), m: out, n: in, k: rows, lda: out, ldb: in, ldc: in, accumulate: 1},
	}
	p := d.precision.layer(1, in, out)
	if p == fp32 || d.libraries.blas != nil || !a.input.aligned("nn") || !a.weight.aligned("tn") {
		d.LinearGradInput(dx, dy, w)
		d.LinearGradWeight(dw, db, x, dy)
		return
	}
	a.input.accumulate, a.input.splitK = d.accumulates(dx), ceil(out, 4)*4
	tile, inputBlocks := chooseTile(rows, in, true)
	small := productTiles[len(productTiles)-2]
	blocks := small.blocks(out, in)
	_, length := splitSum(rows, blocks)
	length = ceil(length, 4) * 4
	parts := ceil(rows, length)
	a.weight.splitK, a.weightBlocks, a.weightParts = length, int32(blocks), int32(parts)
	if db != nil {
		a.weight.sums = d.scratch(parts * out)
		defer d.freeScratch(a.weight.sums)
		defer d.addPartials(address(db), a.weight.sums, parts, out)
	}
	if parts > 1 {
		a.weight.c, a.weight.accumulate = d.scratch(parts*out*in), 0
		defer d.freeScratch(a.weight.c)
		defer d.addPartials(address(dw), a.weight.c, parts, out*in)
	}
	kernel, threads, shared := d.gradientKernel(p, "linear_grad", true, tile)
	_, _, weightShared := d.gradientKernel(p, "gemm_tn", false, small)
	s := grid1(blocks*parts+inputBlocks, threads)
	s.shared = max(shared, weightShared)
	d.launch(kernel, s, &a)
}
