package cpu

import "hdmnet/internal/op"

// Linear computes y = x·wᵀ + bias as one product over all positions.
func (d *Device) Linear(y, x, w, bias op.Tensor) {
	op.CheckLinear(y, x, w, bias)
	in, out := op.Last(x), op.Last(y)
	gemm(false, true, op.Len(x)/in, out, in, f32(x), in, f32(w), in, false, f32(y), out, epilogue{bias: f32(bias)})
}

// LinearGradInput adds dy·w to dx.
func (d *Device) LinearGradInput(dx, dy, w op.Tensor) {
	op.CheckLinear(dy, dx, w, nil)
	in, out := op.Last(dx), op.Last(dy)
	gemm(false, false, op.Len(dx)/in, in, out, f32(dy), out, f32(w), in, true, f32(dx), in, epilogue{})
}

// LinearGradWeight adds dyᵀ·x to dw and the column sums of dy to db.
func (d *Device) LinearGradWeight(dw, db, x, dy op.Tensor) {
	in, out := op.Last(x), op.Last(dy)
	if dw != nil {
		op.CheckLinear(dy, x, dw, db)
		gemm(true, false, out, in, op.Len(x)/in, f32(dy), out, f32(x), in, true, f32(dw), in, epilogue{})
	}
	if db != nil {
		op.Shape("LinearGradWeight", "db", db, out)
		addColumnSums(f32(db), f32(dy))
	}
}
