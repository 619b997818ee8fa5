package golden

import (
	"math"

	"hdmnet/internal/synth"
)

// samples is how many values the golden files keep of a gradient or parameter.
const samples = 32

// SamplePositions returns the flat positions, in PyTorch's layout, of the samples
// that the golden files keep of tensor name with n elements:
// floor(u_k · n), u = synth.Uniform("sample/"+name).
func SamplePositions(name string, n int) []int {
	positions := make([]int, samples)
	for k, u := range synth.Uniform("sample/"+name, samples) {
		positions[k] = min(int(u*float64(n)), n-1)
	}
	return positions
}

// RelL2 is ‖got−want‖ / ‖want‖ in float64, 0 where both are zero. It is +Inf, which no
// bound accepts, when a value is NaN or the lengths differ.
func RelL2(got, want []float32) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	var diff, norm float64
	for i := range want {
		w := float64(want[i])
		d := float64(got[i]) - w
		diff += d * d
		norm += w * w
	}
	switch {
	case math.IsNaN(diff) || math.IsNaN(norm):
		return math.Inf(1)
	case diff == 0:
		return 0
	}
	return math.Sqrt(diff) / math.Sqrt(norm)
}
