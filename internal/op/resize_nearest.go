package op

// ResizeNearest resamples [B,H,W,C] to [B,h,w,C], y[i,j] = x[⌊i·H/h⌋, ⌊j·W/w⌋], with
// the scale in float32. PyTorch: F.interpolate(mode="nearest"). It resizes masks and
// has no gradient.
type ResizeNearest interface {
	// ResizeNearest computes y.
	ResizeNearest(y, x Tensor)
}

// CheckResizeNearest panics unless the operands fit the contract.
func CheckResizeNearest(y, x Tensor) spatialSizes {
	return checkSpatial("ResizeNearest", "y", y, "x", x)
}
