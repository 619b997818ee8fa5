package cpu

import (
	"math"
	"math/rand/v2"
	"testing"
)

// ulps returns |got − want| in units of the last place of float32 at want.
func ulps(got float32, want float64) float64 {
	w := float32(want)
	if got == w || got != got && want != want {
		return 0
	}
	unit := float64(math.Nextafter32(float32(math.Abs(want)), float32(math.Inf(1)))) - math.Abs(float64(float32(math.Abs(want))))
	return math.Abs(float64(got)-want) / unit
}

func TestExp32(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2_000_000 {
		x := float32(r.Float64()*193 - 104.5)
		if u := ulps(exp32(x), math.Exp(float64(x))); !(u < 2) {
			t.Fatalf("exp32(%g) = %g, want %g (%.1f ulp)", x, exp32(x), math.Exp(float64(x)), u)
		}
	}
	inf := float32(math.Inf(1))
	for _, c := range [][2]float32{{0, 1}, {-inf, 0}, {-1e9, 0}, {-104.1, 0}, {inf, inf}, {88.8, inf}, {1e30, inf}} {
		if got := exp32(c[0]); got != c[1] {
			t.Errorf("exp32(%g) = %g, want %g", c[0], got, c[1])
		}
	}
	if got := exp32(float32(math.NaN())); got == got {
		t.Errorf("exp32(NaN) = %g", got)
	}
}

func TestExpSum(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for n := range 70 {
			for _, spread := range []float32{1, 12} {
				x := make([]float32, n)
				for i := range x {
					x[i] = (float32(i)*0.7 - 9) * spread
				}
				y := make([]float32, n+1)
				y[n] = 7
				sum := expSum(y, x, 0.5)
				want := 0.0
				for i := range x {
					e := math.Exp(float64(x[i] - 0.5))
					want += e
					if u := ulps(y[i], e); !(u < 2) {
						t.Fatalf("n=%d: element %d is %g, want %g (%.1f ulp)", n, i, y[i], e, u)
					}
				}
				if y[n] != 7 {
					t.Fatalf("n=%d: wrote past the end", n)
				}
				// 1e-45: the smallest float32
				if want < math.MaxFloat32 && math.Abs(float64(sum)-want) > 1e-6*want+1e-45 || want > 2*math.MaxFloat32 && !math.IsInf(float64(sum), 1) {
					t.Fatalf("n=%d: sum %g, want %g", n, sum, want)
				}
			}
		}
	})
}

func TestExpToWholeRange(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	x, y := make([]float32, 1<<16), make([]float32, 1<<16)
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	special := [][2]float32{{0, 1}, {-inf, 0}, {-1e9, 0}, {-105, 0}, {inf, inf}, {88.8, inf}, {1e30, inf}, {nan, nan}}
	eachISA(t, func(t *testing.T) {
		for i := range x {
			x[i] = float32(r.Float64()*193 - 104.5)
		}
		for i, c := range special {
			x[37*i] = c[0]
		}
		expTo(y, x, 0)
		for i, v := range x {
			if u := ulps(y[i], math.Exp(float64(v))); !(u < 2) {
				t.Fatalf("exp(%g) = %g, want %g (%.1f ulp)", v, y[i], math.Exp(float64(v)), u)
			}
		}
		for i, c := range special {
			if got := y[37*i]; got != c[1] && !(got != got && c[1] != c[1]) {
				t.Errorf("exp(%g) = %g, want %g", c[0], got, c[1])
			}
		}
	})
}

func TestRowMax(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for n := range 70 {
			x := make([]float32, n)
			for i := range x {
				x[i] = -5 - float32(i)
			}
			want := float32(math.Inf(-1))
			if n > 0 {
				want = -5
			}
			if got := rowMax(x); got != want {
				t.Errorf("rowMax of %d: %g, want %g", n, got, want)
			}
			for i := range x {
				x[i] += 100
				if got := rowMax(x); got != x[i] {
					t.Errorf("rowMax of %d with the largest at %d: %g, want %g", n, i, got, x[i])
				}
				x[i] -= 100
			}
		}
	})
}

func TestLog32(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2_000_000 {
		x := math.Float32frombits(uint32(r.Uint64N(0x7f800000)))
		if x == 0 {
			continue
		}
		if u := ulps(log32(x), math.Log(float64(x))); !(u < 2) {
			t.Fatalf("log32(%g) = %g, want %g (%.1f ulp)", x, log32(x), math.Log(float64(x)), u)
		}
	}
	for range 100_000 { // around 1, where the result is small
		x := float32(1 + (r.Float64()-0.5)*0.01)
		if u := ulps(log32(x), math.Log(float64(x))); !(u < 2) {
			t.Fatalf("log32(%g) = %g, want %g (%.1f ulp)", x, log32(x), math.Log(float64(x)), u)
		}
	}
	inf := float32(math.Inf(1))
	for _, c := range [][2]float32{{1, 0}, {0, -inf}, {inf, inf}} {
		if got := log32(c[0]); got != c[1] {
			t.Errorf("log32(%g) = %g, want %g", c[0], got, c[1])
		}
	}
	for _, x := range []float32{-1, float32(math.NaN())} {
		if got := log32(x); got == got {
			t.Errorf("log32(%g) = %g, want NaN", x, got)
		}
	}
}

func BenchmarkExpTo(b *testing.B) {
	x := make([]float32, 4096)
	y := make([]float32, 4096)
	for i := range x {
		x[i] = float32(i%200)/10 - 10
	}
	b.SetBytes(4096 * 4)
	for b.Loop() {
		expTo(y, x, 0)
	}
}
