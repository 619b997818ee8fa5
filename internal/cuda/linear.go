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
		m: rows, n: in, k: out, lda: out, ldb: in, ldc: in, accumulate: 1,
	})
}

// LinearGradWeight adds dyᵀ·x to dw and the column sums of dy to db.
func (d *Device) LinearGradWeight(dw, db, x, dy op.Tensor) {
	rows, in, out := op.CheckLinearGradWeight(dw, db, x, dy)
	if dw != nil {
		d.gemmIn(d.precision.layer(1, in, out), "tn", gemmArgs{
			c: address(dw), a: address(dy), b: address(x),
			m: out, n: in, k: rows, lda: out, ldb: in, ldc: in, accumulate: 1,
		})
	}
	if db != nil {
		d.addColumnSums(db, dy, rows, out)
	}
}
