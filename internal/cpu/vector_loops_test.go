package cpu

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"hdmnet/internal/op"
)

// TestChannelLoopsAgree: the loops of batch norm give the bits of the Go loops for every split of the
// channels into blocks, and for rows that lie apart.
func TestChannelLoopsAgree(t *testing.T) {
	for _, c := range []int{16, 32, 48, 64, 80, 144, 256} {
		for _, rows := range []int{1, 2, 70} {
			agree(t, 0, func(r *rand.Rand) (results [][]float64) {
				n := rows * c
				x, g, dx, y := randomFloats(r, n), randomFloats(r, n), randomFloats(r, n), randomFloats(r, n)
				mean, a, p, q := randomFloats(r, c), randomFloats(r, c), randomFloats(r, c), randomFloats(r, c)
				sum, squares, dot, all := wide(mean), wide(a), wide(p), wide(q)
				normalizeRows(y, x, mean, a, p)
				addBatchNormGrad(dx, g, x, mean, a, p, q)
				addScaledRows(dx, g, a)
				addChannelSquares(squares, x, mean)
				addChannelDots(dot, all, g, x, mean)
				addChannelSums(sum[:16], x, c) // 16 channels of rows that are c apart
				return [][]float64{wide(y), wide(dx), sum, squares, dot, all}
			})
		}
	}
}

// TestElementLoopsAgree compares the assembly with the Go loops for lengths around the
// vectors', and looks for writes past the end.
func TestElementLoopsAgree(t *testing.T) {
	for n := range 70 {
		agree(t, 2e-6, func(r *rand.Rand) (results [][]float64) {
			a, b, y := randomFloats(r, n+1), randomFloats(r, n+1), randomFloats(r, n+1)
			for _, f := range []func(y, a, b []float32){
				addTo,
				func(y, a, b []float32) { addScaledRow(y, a, 0.3) },
				func(y, a, b []float32) { scaleRow(y, 0.7) },
				func(y, a, b []float32) { mix(y, a, b, 0.7) },
				func(y, a, b []float32) { weigh(y, a, 0.3) },
				weighEach,
				func(y, a, b []float32) { cosines(y, a, 1.7) },
				func(y, a, b []float32) { rotate(y, a, b, slices.Clone(b)) },
			} {
				f(y[:n], a[:n], b[:n])
				results = append(results, wide(y))
			}
			return results
		})
	}
}

// TestDropoutDraws: on every instruction set, at states that overflow and limits of 0
// and 2²⁴ too, exactly the draws that op.DropoutParams.Keep keeps are kept.
func TestDropoutDraws(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		dev := open(t)
		const n = 3*elementGrain + 77
		ones, y := zerosOf(dev, n), zerosOf(dev, n)
		for i := range ones.Float32s() {
			ones.Float32s()[i] = 1
		}
		for _, p := range []op.DropoutParams{{P: 0.1, Seed: math.MaxUint64}, {P: 0, Seed: 5}, {P: 0.5}, {P: 1 - 0x1p-24, Seed: 1 << 63}} {
			dev.Dropout(y, ones, p)
			for i, v := range y.Float32s() {
				if kept := v != 0; kept != p.Keep(i) {
					t.Fatalf("%+v: element %d is %g, kept: %v", p, i, v, p.Keep(i))
				}
			}
		}
	})
}

// agree runs f on every instruction set, with the same random numbers, and compares
// with plain Go: tol bounds |difference|/(1+|value|).
func agree(t *testing.T, tol float64, f func(r *rand.Rand) [][]float64) {
	t.Helper()
	useISA(t, instructionSets[len(instructionSets)-1])
	want := f(rand.New(rand.NewPCG(5, 6)))
	for _, isa := range instructionSets {
		if !isa.usable {
			continue
		}
		useISA(t, isa)
		for k, got := range f(rand.New(rand.NewPCG(5, 6))) {
			for i, v := range got {
				if d := math.Abs(v - want[k][i]); !(d <= tol*(1+math.Abs(want[k][i]))) {
					t.Fatalf("%s, result %d: element %d of %d is %g, want %g", isa.name, k, i, len(got), v, want[k][i])
				}
			}
		}
	}
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}
