package op

import "fmt"

// Normalize brings pictures from gray levels to the range that networks are trained in:
//
//	y[...,c] = (x[...,c] − mean[c]) · (1/std[c])
//
// x, y [...,3] RGB, y may be x; mean and std in the units of x. Every step, 1/std first, is
// rounded to float32, so that all devices give the same bits. It has no gradient: nothing
// before it is learnt. PyTorch: torchvision.transforms.Normalize.
type Normalize interface {
	// Normalize computes y.
	Normalize(y, x Tensor, mean, std [3]float32)
}

// CheckNormalize panics unless the operands fit the contract. It returns their elements.
func CheckNormalize(y, x Tensor) int {
	const name = "Normalize"
	n := elements2(name, "y", y, "x", x)
	if Last(x) != 3 {
		panic(fmt.Sprintf("op: %s: x has shape %v, want [...,3]", name, x.Shape()))
	}
	return n
}
