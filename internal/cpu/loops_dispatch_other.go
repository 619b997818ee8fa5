//go:build !amd64

package cpu

// Without assembly everything is left to the Go loops.

func geluVector(dst, x []float32) int        { return 0 }
func geluGradVector(dx, dy, x []float32) int { return 0 }

func depthwiseVector(dst, start []float32, step int, in *tapRows, w []float32, c int) bool {
	return false
}

func depthwiseWeightsVector(sum, dy []float32, in *tapRows, c int) bool { return false }

func maxWindowVector(out []float32, at []int32, x []float32, rows, cols, w, pos int) bool {
	return false
}
