package foundation

import "math"

// Normalized are the rows of x [n,c] with length 1, as PyTorch's normalize: one shorter than 1e-12
// stays short.
func Normalized[F float32 | float64](x []F, c int) []float32 {
	out := make([]float32, len(x))
	for i := 0; i < len(x); i += c {
		square := 0.0
		for _, v := range x[i : i+c] {
			square += float64(v) * float64(v)
		}
		length := max(math.Sqrt(square), 1e-12)
		for j, v := range x[i : i+c] {
			out[i+j] = float32(float64(v) / length)
		}
	}
	return out
}
