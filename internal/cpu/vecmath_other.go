//go:build !amd64

package cpu

// expKernel computes dst = exp(src − shift) for n elements, n a multiple of vecLanes,
// and returns their sum.
func expKernel(dst, src *float32, n int, shift float32) float32 {
	return expGo(dst, src, n, shift)
}

// maxKernel returns the largest of n elements, n a multiple of vecLanes and above 0.
func maxKernel(src *float32, n int) float32 {
	return maxGo(src, n)
}
