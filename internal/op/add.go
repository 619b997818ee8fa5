package op

// Add is the sum of tensors of the same size.
type Add interface {
	// Add computes y = a + b; y may be a or b.
	Add(y, a, b Tensor)
	// AddScaled computes y += alpha·x. It is also the gradient of Add (alpha = 1).
	AddScaled(y, x Tensor, alpha float32)
}
