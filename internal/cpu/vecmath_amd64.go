package cpu

// expKernel computes dst = exp(src − shift) for n elements, n a multiple of vecLanes,
// and returns their sum.
func expKernel(dst, src *float32, n int, shift float32) float32 {
	switch currentISA().name {
	case "avx512":
		return expAVX512(dst, src, n, shift)
	case "avx2":
		return expAVX2(dst, src, n, shift)
	}
	return expGo(dst, src, n, shift)
}

// maxKernel returns the largest of n elements, n a multiple of vecLanes and above 0.
func maxKernel(src *float32, n int) float32 {
	switch currentISA().name {
	case "avx512":
		return maxAVX512(src, n)
	case "avx2":
		return maxAVX2(src, n)
	}
	return maxGo(src, n)
}
