// Package golden serves tests: it opens the golden files, turns PyTorch's layout into the
// program's and compares. Package synth makes the weights and inputs that the files were
// computed from.
package golden

import "fmt"

// ToNHWC reorders the last three dimensions of a PyTorch array, [..., C, H, W], to
// the program's [..., H, W, C].
func ToNHWC[T any](x []T, shape []int) ([]T, []int) {
	n := len(shape)
	if n < 3 {
		panic(fmt.Sprintf("golden: ToNHWC of shape %v, expected at least 3 dimensions", shape))
	}
	c, h, w := shape[n-3], shape[n-2], shape[n-1]
	return transpose(x, c, h*w), append(append([]int{}, shape[:n-3]...), h, w, c)
}

// ToNCHW is the inverse of ToNHWC: [..., H, W, C] to [..., C, H, W].
func ToNCHW[T any](x []T, shape []int) ([]T, []int) {
	n := len(shape)
	if n < 3 {
		panic(fmt.Sprintf("golden: ToNCHW of shape %v, expected at least 3 dimensions", shape))
	}
	h, w, c := shape[n-3], shape[n-2], shape[n-1]
	return transpose(x, h*w, c), append(append([]int{}, shape[:n-3]...), c, h, w)
}

// transpose turns each consecutive [rows, cols] block of x into [cols, rows].
func transpose[T any](x []T, rows, cols int) []T {
	out := make([]T, len(x))
	for start := 0; start < len(x); start += rows * cols {
		from, to := x[start:start+rows*cols], out[start:start+rows*cols]
		for r := range rows {
			for c := range cols {
				to[c*rows+r] = from[r*cols+c]
			}
		}
	}
	return out
}
