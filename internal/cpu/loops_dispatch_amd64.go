package cpu

// The functions below run the assembly of the instruction set in use and say how much
// they did: 0 or false leaves the work to the Go loop of the caller.

func geluVector(dst, x []float32) int {
	n := len(x) &^ (loopLanes - 1)
	if n == 0 {
		return 0
	}
	switch currentISA().name {
	case "avx512":
		geluAVX512(&dst[0], &x[0], n)
	case "avx2":
		geluAVX2(&dst[0], &x[0], n)
	default:
		return 0
	}
	return n
}

func geluGradVector(dx, dy, x []float32) int {
	n := len(x) &^ (loopLanes - 1)
	if n == 0 {
		return 0
	}
	switch currentISA().name {
	case "avx512":
		geluGradAVX512(&dx[0], &dy[0], &x[0], n)
	case "avx2":
		geluGradAVX2(&dx[0], &dy[0], &x[0], n)
	default:
		return 0
	}
	return n
}

func depthwiseVector(dst, start []float32, step int, in *tapRows, w []float32, c int) bool {
	if c%loopLanes != 0 {
		return false
	}
	n := len(dst) / c
	switch currentISA().name {
	case "avx512":
		depthwiseRunAVX512(&dst[0], &start[0], step, &in[0][0], &in[1][0], &in[2][0], &w[0], c, n)
	case "avx2":
		depthwiseRunAVX2(&dst[0], &start[0], step, &in[0][0], &in[1][0], &in[2][0], &w[0], c, n)
	default:
		return false
	}
	return true
}

func depthwiseWeightsVector(sum, dy []float32, in *tapRows, c int) bool {
	if c%loopLanes != 0 {
		return false
	}
	n := len(dy) / c
	switch currentISA().name {
	case "avx512":
		depthwiseWeightsAVX512(&sum[0], &dy[0], &in[0][0], &in[1][0], &in[2][0], c, n)
	case "avx2":
		depthwiseWeightsAVX2(&sum[0], &dy[0], &in[0][0], &in[1][0], &in[2][0], c, n)
	default:
		return false
	}
	return true
}

func maxWindowVector(out []float32, at []int32, x []float32, rows, cols, w, pos int) bool {
	c := len(out)
	if c%loopLanes != 0 {
		return false
	}
	switch isa := currentISA().name; {
	case isa == "avx512" && at == nil:
		maxWindowAVX512(&out[0], &x[0], c, rows, cols, w)
	case isa == "avx512":
		maxWindowAtAVX512(&out[0], &at[0], &x[0], c, rows, cols, w, pos)
	case isa == "avx2" && at == nil:
		maxWindowAVX2(&out[0], &x[0], c, rows, cols, w)
	case isa == "avx2":
		maxWindowAtAVX2(&out[0], &at[0], &x[0], c, rows, cols, w, pos)
	default:
		return false
	}
	return true
}
