//go:build !amd64

package cpu

// expKernel computes dst = exp(src − shift) for n elements, n a multiple of expLanes,
// and returns their sum.
func expKernel(dst, src *float32, n int, shift float32) float32 {
	return expGo(dst, src, n, shift)
}
