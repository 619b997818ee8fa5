package cpu

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Winograd's algorithm stays near the definition: its error, measured as that of the
// goldens, is 1.3e-6 or less here; that of the usual points 0, ±1 and ±2 would be twice
// as large, that of a plain product a fifth. The input is what ReLU leaves, of which the
// transforms take differences.
func TestWinogradAccuracy(t *testing.T) {
	const bound = 1.4e-6
	s := newConvShape(1, 12, 12, 512, 64, 3, 3, 1, 1, 1)
	d := randomConv(rand.New(rand.NewPCG(25, 26)), s)
	for i, v := range d.x {
		d.x[i] = max(0, v)
	}
	want, size := make([]float64, len(d.y)), 0.0
	s.eachTap(func(y, x, w int) { want[y] += float64(d.x[x]) * float64(d.w[w]) })
	for _, v := range want {
		size += v * v
	}
	eachISA(t, func(t *testing.T) {
		y := make([]float32, len(d.y))
		convWinograd(s, y, d.x, newWinogradWeights(d.w, s.Cout, s.Cin), nil, nil, false, false)
		difference := 0.0
		for i, v := range y {
			difference += (float64(v) - want[i]) * (float64(v) - want[i])
		}
		if got := math.Sqrt(difference / size); !(got <= bound) {
			t.Errorf("relative L2 error %.2g, want at most %.2g", got, bound)
		} else {
			t.Logf("relative L2 error %.2g", got)
		}
	})
}
