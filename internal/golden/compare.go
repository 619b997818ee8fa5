package golden

import (
	"fmt"
	"math"
	"testing"
)

// Samples is how many values the golden files keep of a gradient or parameter.
const Samples = 32

// SamplePositions returns the flat positions, in PyTorch's layout, of the samples
// that the golden files keep of tensor name with n elements:
// floor(u_k · n), u = Uniform("sample/"+name).
func SamplePositions(name string, n int) []int {
	positions := make([]int, Samples)
	for k, u := range Uniform("sample/"+name, Samples) {
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

// Close fails the test unless |got−want| ≤ atol + rtol·|want| for every element. NaN
// fails, on either side, and so do different lengths. The message names the tensor
// and its worst element.
func Close(t testing.TB, name string, got, want []float32, atol, rtol float64) {
	t.Helper()
	if msg := differ(got, want, atol, rtol); msg != "" {
		t.Errorf("%s: %s", name, msg)
	}
}

func differ(got, want []float32, atol, rtol float64) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d values, want %d", len(got), len(want))
	}
	bad, at, worst := 0, 0, -1.0
	for i := range want {
		w := float64(want[i])
		d := math.Abs(float64(got[i]) - w)
		if d <= atol+rtol*math.Abs(w) {
			continue
		}
		bad++
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		if d > worst {
			at, worst = i, d
		}
	}
	if bad == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d values differ (atol %g, rtol %g); the worst is element %d: got %v, want %v",
		bad, len(want), atol, rtol, at, got[at], want[at])
}
