//go:build !amd64

package rows

// vector tells whether there is assembly that can run.
var vector = false

// Without assembly everything is left to the Go loops.

func mixVector(out, a, b []float32, g, f float32) int { return 0 }

func binomialVector(out, a, b, c, d, e []float32) int { return 0 }

func floatVector(out []float32, in []uint8) int { return 0 }

func gatherVector(out, in []float32, taps []Tap) int { return 0 }

func turnVector(out, in []float32, width int, xs, ys []int32, x, y int32) int { return 0 }

func colorVector(rgb, luma, cb, cr []uint8) int { return 0 }
