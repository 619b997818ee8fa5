package op

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
