package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"hdmnet/internal/op"
)

// softmaxFunc against float64: rows of every length up to a few vectors, scores of a block
// after a larger, a smaller and no earlier maximum, memory behind the last key untouched by
// what it holds.
func TestSoftmaxInPairs(t *testing.T) {
	isa, err := pairISA(op.BF16)
	if err != nil {
		t.Skip(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	const ld, rows = 160, 3
	for keys := 1; keys <= 131; keys++ {
		s, p := make([]float32, rows*ld), make([]float32, rows*ld/2)
		for i := range s {
			s[i] = float32(8 * r.NormFloat64())
			if i%ld >= keys {
				s[i] = float32(math.NaN())
			}
		}
		before := []float32{float32(math.Inf(-1)), 40, -3}
		top, sum := append([]float32(nil), before...), make([]float32, rows)
		scale := []float32{1, 0.125, 0.7}[keys%3]
		isa.softmax(&p[0], ld/2, &s[0], ld, rows, keys, scale, &top[0], &sum[0])
		for row := range rows {
			name := fmt.Sprintf("%d keys, row %d", keys, row)
			scores := s[row*ld : row*ld+keys]
			if want := max(before[row], rowMax(scores)); top[row] != want {
				t.Fatalf("%s: top is %g, want %g", name, top[row], want)
			}
			total := 0.0
			for j := range roundUp(keys, splitGroup) {
				want := 0.0
				if j < keys {
					want = math.Exp(float64(scale) * (float64(scores[j]) - float64(top[row])))
				}
				total += want
				bits := math.Float32bits(p[row*ld/2+j/2]) >> (16 * (j % 2)) << 16
				got := float64(math.Float32frombits(bits))
				// Rounding to the 8 bits of bf16, and the error of the exponential.
				if math.Abs(got-want) > want*(0x1p-8+1e-5) {
					t.Fatalf("%s: probability %d is %g, want %g", name, j, got, want)
				}
			}
			if math.Abs(float64(sum[row])-total) > 1e-5*total {
				t.Errorf("%s: sum is %g, want %g", name, sum[row], total)
			}
		}
	}
}

func TestSoftmaxInPairsKeepsNaN(t *testing.T) {
	isa, err := pairISA(op.BF16)
	if err != nil {
		t.Skip(err)
	}
	s, p, top, sum := make([]float32, 64), make([]float32, 32), []float32{0}, make([]float32, 1)
	for _, at := range []int{0, 20, 40} {
		clear(s)
		s[at] = float32(math.NaN())
		isa.softmax(&p[0], 32, &s[0], 64, 1, 41, 1, &top[0], &sum[0])
		if sum[0] == sum[0] {
			t.Errorf("score %d is NaN and the sum %g", at, sum[0])
		}
	}
}
