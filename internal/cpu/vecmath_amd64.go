package cpu

// expKernel computes dst = exp(src − shift) for n elements, n a multiple of expLanes,
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
