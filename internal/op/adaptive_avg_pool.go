package op

import (
	"fmt"
	"slices"
)

// AdaptiveAvgPool averages [B,H,W,C] into [B,h,w,C]: cell i covers rows
// ⌊i·H/h⌋ … ⌈(i+1)·H/h⌉−1, likewise columns. PyTorch: nn.AdaptiveAvgPool2d.
type AdaptiveAvgPool interface {
	// AdaptiveAvgPool computes y.
	AdaptiveAvgPool(y, x Tensor)
	// AdaptiveAvgPoolLevels computes several, y_l [B,n_l,n_l,C], of the same x; all of them and
	// x may hold halves.
	AdaptiveAvgPoolLevels(y []Tensor, x Tensor)
	// AdaptiveAvgPoolGrad adds dy/|cell| to dx over every cell.
	AdaptiveAvgPoolGrad(dx, dy Tensor)
}

// CheckAdaptiveAvgPool panics unless the operands fit the contract.
func CheckAdaptiveAvgPool(y, x Tensor) spatialSizes {
	return checkSpatial("AdaptiveAvgPool", "y", y, "x", x)
}

// CheckAdaptiveAvgPoolLevels is CheckAdaptiveAvgPool for several. It returns the sizes of the
// last one.
func CheckAdaptiveAvgPoolLevels(y []Tensor, x Tensor) (s spatialSizes) {
	const name = "AdaptiveAvgPoolLevels"
	if len(y) == 0 {
		panic(fmt.Sprintf("op: %s: y has no map", name))
	}
	for _, t := range y {
		if s = checkFrozenSpatial(name, "a map of y", t, "x", x); s.OutH != s.OutW {
			panic(fmt.Sprintf("op: %s: a map of y has shape %v, want as many rows as columns", name, slices.Clone(t.Shape())))
		}
	}
	return s
}

// CheckAdaptiveAvgPoolGrad is CheckAdaptiveAvgPool for the gradient.
func CheckAdaptiveAvgPoolGrad(dx, dy Tensor) spatialSizes {
	return checkSpatial("AdaptiveAvgPoolGrad", "dy", dy, "dx", dx)
}
