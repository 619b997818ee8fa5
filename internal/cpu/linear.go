package cpu

import "hdmnet/internal/op"

// Linear computes y = x·wᵀ + bias as one product over all positions.
func (d *Device) Linear(y, x, w, bias op.Tensor) {
	rows, in, out := op.CheckLinear(y, x, w, bias)
	gemm(d.fine(), false, true, rows, out, in, f32(x), in, f32(w), in, false, f32(y), out, epilogue{bias: f32(bias)})
}

// LinearGradInput adds dy·w to dx.
func (d *Device) LinearGradInput(dx, dy, w op.Tensor) {
	rows, in, out := op.CheckLinearGradInput(dx, dy, w)
	gemm(d.fine(), false, false, rows, in, out, f32(dy), out, f32(w), in, true, f32(dx), in, epilogue{})
}

// LinearGradWeight adds dyᵀ·x to dw and the column sums of dy to db.
func (d *Device) LinearGradWeight(dw, db, x, dy op.Tensor) {
	rows, in, out := op.CheckLinearGradWeight(dw, db, x, dy)
	if dw != nil {
		gemm(d.fine(), true, false, out, in, rows, f32(dy), out, f32(x), in, true, f32(dw), in, epilogue{})
	}
	if db != nil {
		addColumnSums(f32(db), f32(dy))
	}
}

// LinearGrad adds the gradients of x, w and bias, one after the other.
func (d *Device) LinearGrad(dx, dw, db, dy, x, w op.Tensor) {
	op.CheckLinearGrad(dx, dw, db, dy, x, w)
	d.LinearGradInput(dx, dy, w)
	d.LinearGradWeight(dw, db, x, dy)
}
