//go:build cuda

package cuda

import "hdmnet/internal/op"

// Linear computes y = x·wᵀ + bias as one product over all positions.
func (d *Device) Linear(y, x, w, bias op.Tensor) {
	op.CheckLinear(y, x, w, bias)
	in, out := op.Last(x), op.Last(y)
	if p := d.precision.layer(1, in, out); p != fp32 {
		g := newConvArgs([]int{1, 1, op.Len(x) / in, in}, []int{out, 1, 1, in}, op.ConvParams{Stride: 1, Dilation: 1})
		g.out, g.a, g.b, g.bias = address(y), address(x), address(w), address(bias)
		d.roundedConv(p, g)
		return
	}
	d.gemm("nt", gemmArgs{
		c: address(y), a: address(x), b: address(w), bias: address(bias),
		m: op.Len(x) / in, n: out, k: in, lda: in, ldb: in, ldc: out,
	})
}

// LinearGradInput adds dy·w to dx.
func (d *Device) LinearGradInput(dx, dy, w op.Tensor) {
	op.CheckLinear(dy, dx, w, nil)
	in, out := op.Last(dx), op.Last(dy)
	d.gemmIn(d.precision.layer(1, in, out), "nn", gemmArgs{
		c: address(dx), a: address(dy), b: address(w),
		m: op.Len(dx) / in, n: in, k: out, lda: out, ldb: in, ldc: in, accumulate: 1,
	})
}

// LinearGradWeight adds dyᵀ·x to dw and the column sums of dy to db.
func (d *Device) LinearGradWeight(dw, db, x, dy op.Tensor) {
	in, out := op.Last(x), op.Last(dy)
	rows := op.Len(x) / in
	if dw != nil {
		op.CheckLinear(dy, x, dw, db)
		d.gemmIn(d.precision.layer(1, in, out), "tn", gemmArgs{
			c: address(dw), a: address(dy), b: address(x),
			m: out, n: in, k: rows, lda: out, ldb: in, ldc: in, accumulate: 1,
		})
	}
	if db != nil {
		op.Shape("LinearGradWeight", "db", db, out)
		d.addColumnSums(db, dy, rows, out)
	}
}
