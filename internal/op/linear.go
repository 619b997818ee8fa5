package op

// Linear is the product with a weight matrix on the last axis, y = x·wᵀ + bias.
//
// x [..., Ci]; w [Co,Ci]; bias [Co] or nil; y [..., Co]. PyTorch: nn.Linear, or a 1×1
// nn.Conv2d.
type Linear interface {
	// Linear computes y.
	Linear(y, x, w, bias Tensor)
	// LinearGradInput adds dy·w to dx.
	LinearGradInput(dx, dy, w Tensor)
	// LinearGradWeight adds dyᵀ·x to dw and the column sums of dy to db (either may be nil).
	LinearGradWeight(dw, db, x, dy Tensor)
}

// CheckLinear panics unless the shapes fit each other.
func CheckLinear(y, x, w, bias Tensor) {
	Shape("Linear", "w", w, Last(y), Last(x))
	Shape("Linear", "bias", bias, Last(y))
	if Len(y)/Last(y) != Len(x)/Last(x) {
		Shape("Linear", "y", y, append(append([]int{}, x.Shape()[:len(x.Shape())-1]...), w.Shape()[0])...)
	}
}
