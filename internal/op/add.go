package op

// Add is the sum of tensors of the same size.
type Add interface {
	// Add computes y = a + b; y may be a or b.
	Add(y, a, b Tensor)
	// AddScaled computes y += alpha·x. It is also the gradient of Add (alpha = 1).
	AddScaled(y, x Tensor, alpha float32)
}

// CheckAdd panics unless the operands fit the contract. It returns their elements.
func CheckAdd(y, a, b Tensor) int { return elements3("Add", "y", y, "a", a, "b", b) }

// CheckAddScaled is CheckAdd for AddScaled.
func CheckAddScaled(y, x Tensor) int { return elements2("AddScaled", "y", y, "x", x) }
