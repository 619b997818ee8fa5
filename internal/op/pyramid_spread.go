package op

import "fmt"

// PyramidSpread is the part of a 3×3 convolution, zero padding 1, that reads resized
// copies of small maps. Resizing and convolving are both linear, so the small maps can be
// multiplied with the weights first, which leaves their products to be spread:
//
//	y[b,i,j,o] = Σ_l Σ_{ky,kx} up(q_l)[b, i+ky−1, j+kx−1, (ky·3+kx)·Co + o]
//
// up resizes bilinearly with aligned corners from n_l×n_l to h×w, and is 0 outside.
// q_l [B,n_l,n_l,9·Co], a map times the weights [9·Co,C] of its channels; y [B,h,w,Co].
// PyTorch: F.conv2d(cat([F.interpolate(p_l, (h, w), mode="bilinear", align_corners=True)]), W, padding=1).
type PyramidSpread interface {
	// PyramidSpread computes y, which may hold halves.
	PyramidSpread(y Tensor, q []Tensor)
}

// CheckPyramidSpread panics unless the operands fit the contract.
func CheckPyramidSpread(y Tensor, q []Tensor) {
	const name = "PyramidSpread"
	s := frozenMap(name, "y", y, "[B,h,w,Co]")
	if len(q) == 0 {
		panic(fmt.Sprintf("op: %s: q has no map", name))
	}
	for _, t := range q {
		n := ranked(name, "a map of q", t, 4, "[B,n,n,9·Co]")[1]
		shaped(name, "a map of q", t, s[0], n, n, 9*s[3])
	}
}
