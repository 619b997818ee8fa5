package op

// AdaptiveAvgPool averages [B,H,W,C] into [B,h,w,C]: cell i covers rows
// ⌊i·H/h⌋ … ⌈(i+1)·H/h⌉−1, likewise columns. PyTorch: nn.AdaptiveAvgPool2d.
type AdaptiveAvgPool interface {
	// AdaptiveAvgPool computes y.
	AdaptiveAvgPool(y, x Tensor)
	// AdaptiveAvgPoolGrad adds dy/|cell| to dx over every cell.
	AdaptiveAvgPoolGrad(dx, dy Tensor)
}

// CheckAdaptiveAvgPool panics unless the operands fit the contract.
func CheckAdaptiveAvgPool(y, x Tensor) spatialSizes {
	return checkSpatial("AdaptiveAvgPool", "y", y, "x", x)
}

// CheckAdaptiveAvgPoolGrad is CheckAdaptiveAvgPool for the gradient.
func CheckAdaptiveAvgPoolGrad(dx, dy Tensor) spatialSizes {
	return checkSpatial("AdaptiveAvgPoolGrad", "dy", dy, "dx", dx)
}
