package cpu

import (
	"math"
	"testing"
)

// TestErf walks float32 values of every magnitude, denormal to the largest.
func TestErf(t *testing.T) {
	for bits := uint32(0); bits < 0x7f800000; bits += 997 {
		for _, x := range []float64{float64(math.Float32frombits(bits)), -float64(math.Float32frombits(bits))} {
			got, want := erf64(x), math.Erf(x)
			if tol := 2e-9 * math.Abs(want); math.Abs(x) < erfEnd && !(math.Abs(got-want) <= tol) {
				t.Fatalf("erf(%g) is %.12g, want %.12g", x, got, want)
			}
			if a, b := float32(got), float32(want); math.Abs(float64(a-b)) > math.Abs(float64(b))/(1<<23)+math.SmallestNonzeroFloat32 {
				t.Fatalf("erf(%g) is %g as float32, want %g", x, a, b)
			}
		}
	}
	for x, want := range map[float64]float64{0: 0, math.Inf(1): 1, math.Inf(-1): -1} {
		if got := float32(erf64(x)); got != float32(want) {
			t.Errorf("erf(%g) is %g, want %g", x, got, want)
		}
	}
	if got := erf64(math.NaN()); !math.IsNaN(got) {
		t.Errorf("erf(NaN) is %g", got)
	}
}
