package op

// ResizeBilinear resamples [B,H,W,C] to [B,h,w,C] with weights linear in the distance.
// With alignCorners the corner centers coincide: src = i·(H−1)/(h−1). Without:
// src = max(0, (i+½)·H/h − ½). No antialiasing. PyTorch: F.interpolate(mode="bilinear").
type ResizeBilinear interface {
	// ResizeBilinear computes y; sizes that agree copy. y and x may both hold halves.
	ResizeBilinear(y, x Tensor, alignCorners bool)
	// ResizeBilinearGrad adds to dx the transposed weights applied to dy.
	ResizeBilinearGrad(dx, dy Tensor, alignCorners bool)
}

// CheckResizeBilinear panics unless the operands fit the contract.
func CheckResizeBilinear(y, x Tensor) spatialSizes {
	return checkFrozenSpatial("ResizeBilinear", "y", y, "x", x)
}

// CheckResizeBilinearGrad is CheckResizeBilinear for the gradient.
func CheckResizeBilinearGrad(dx, dy Tensor) spatialSizes {
	return checkSpatial("ResizeBilinearGrad", "dy", dy, "dx", dx)
}
