package metric

import (
	"math"

	"hdmnet/internal/labelmap"
)

// BoundaryRatio is the width of a mask's boundary in diagonals of its picture, as Cheng et
// al. (CVPR 2021) choose it.
const BoundaryRatio = 0.02

// Boundary reduces a binary map [h,w] (0, 1 or 255) to the pixels of 1 that are at most d
// steps (in 8-neighborhood) from a pixel that is not 1, or from outside, with d the ratio
// times the picture's diagonal, at least one pixel: the mask without its erosion, as the
// authors' code computes it. 255 stays.
//
// Boundary IoU is the IoU of the boundaries of prediction and label: IoU.Add of both.
func Boundary(mask []uint8, h, w int, ratio float64) []uint8 {
	d := max(1, int(math.Round(ratio*math.Hypot(float64(h), float64(w)))))
	inside := make([]bool, h*w) // the erosion: the whole window is 1
	// Runs of 1 in a row that reach d to both sides, then the same down the columns.
	for y := range h {
		reach(w, d, func(x int) bool { return mask[y*w+x] == 1 }, func(x int) { inside[y*w+x] = true })
	}
	eroded := make([]bool, h*w)
	for x := range w {
		reach(h, d, func(y int) bool { return inside[y*w+x] }, func(y int) { eroded[y*w+x] = true })
	}
	out := make([]uint8, h*w)
	for i, v := range mask {
		if v == labelmap.Ignore || v == 1 && !eroded[i] {
			out[i] = v
		}
	}
	return out
}

// reach calls mark(i) where is holds from i−d to i+d, all within [0,n).
func reach(n, d int, is func(i int) bool, mark func(i int)) {
	run := 0
	for i := range n {
		if !is(i) {
			run = 0
			continue
		}
		if run++; run > 2*d {
			mark(i - d)
		}
	}
}
