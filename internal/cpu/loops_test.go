package cpu

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestGELUPrecision: on every instruction set and at every magnitude GELU is off by its
// own rounding and by |x|/2 times the error of erf, which is a few roundings of a value
// up to 1 (2⁻²⁴ each) until it ends at 1.
func TestGELUPrecision(t *testing.T) {
	var x []float32
	for bits := uint32(0); bits < 0x7f000000; bits += 65537 {
		v := math.Float32frombits(bits)
		x = append(x, v, -v)
	}
	for v := float32(-16); v < 16; v += 1. / 256 {
		x = append(x, v)
	}
	eachISA(t, func(t *testing.T) {
		dev := open(t)
		n := len(x)
		in, y, dx, dy := zerosOf(dev, n), zerosOf(dev, n), zerosOf(dev, n), zerosOf(dev, n)
		copy(in.Float32s(), x)
		for i := range n {
			dy.Float32s()[i] = 1
		}
		dev.GELU(y, in)
		dev.GELUGrad(dx, dy, in)
		for i, v := range x {
			z := float64(v)
			phi := 0.5 * math.Erfc(-z/math.Sqrt2)
			if d := math.Abs(float64(y.Float32s()[i]) - z*phi); !(d <= 0x1p-23*math.Abs(z*phi)+3*0x1p-24*math.Min(math.Abs(z), 6)+2*math.SmallestNonzeroFloat32) {
				t.Fatalf("GELU(%g) is %g, want %g", v, y.Float32s()[i], z*phi)
			}
			slope := phi + z*math.Exp(-z*z/2)/math.Sqrt(2*math.Pi)
			if d := math.Abs(float64(dx.Float32s()[i]) - slope); !(d <= 4e-7) {
				t.Fatalf("the gradient of GELU(%g) is %g, want %g", v, dx.Float32s()[i], slope)
			}
		}
	})
}

// TestLoopsKeepNaN: NaN in any lane and at any place of a window reaches the result.
func TestLoopsKeepNaN(t *testing.T) {
	nan := float32(math.NaN())
	eachISA(t, func(t *testing.T) {
		for lane := range 16 {
			x, y, dx := make([]float32, 16), make([]float32, 16), make([]float32, 16)
			x[lane] = nan
			if geluVector(y, x) != 0 && (!isNaN(y[lane]) || isNaN(y[(lane+1)%16])) {
				t.Fatalf("GELU with NaN in lane %d gives %v", lane, y)
			}
			if geluGradVector(dx, x, make([]float32, 16)) != 0 && (!isNaN(dx[lane]) || isNaN(dx[(lane+1)%16])) {
				t.Fatalf("the gradient of GELU with NaN in lane %d gives %v", lane, dx)
			}
		}
		for place := range 9 {
			image, y, at := make([]float32, 9*16), make([]float32, 16), make([]int32, 16)
			for i := range image {
				image[i] = float32(i)
			}
			image[place*16+5] = nan
			if !maxWindowVector(y, at, image, 3, 3, 3, 0) {
				return
			}
			if !isNaN(y[5]) || at[5] != int32(place) || y[6] != 8*16+6 || at[6] != 8 {
				t.Fatalf("NaN at place %d of a window gives %v at %v", place, y, at)
			}
			clear(y)
			maxWindowVector(y, nil, image, 3, 3, 3, 0)
			if !isNaN(y[5]) || y[6] != 8*16+6 {
				t.Fatalf("NaN at place %d of a window gives %v", place, y)
			}
		}
	})
}

func isNaN(x float32) bool { return x != x }

// TestDepthwiseLoopsAgree compares the assembly with the Go loop on runs of positions.
func TestDepthwiseLoopsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range []int{16, 48, 256} {
		for _, n := range []int{1, 2, 7} {
			in := tapRows{randomFloats(r, (n+2)*c), randomFloats(r, (n+2)*c), randomFloats(r, (n+2)*c)}
			w, start, dy := randomFloats(r, 9*c), randomFloats(r, n*c), randomFloats(r, n*c)
			run := func() (y, shared, sums []float32) {
				y, shared, sums = make([]float32, n*c), make([]float32, n*c), make([]float32, 10*c)
				convolveTaps(y, start, c, &in, w, c)
				convolveTaps(shared, start, 0, &in, w, c)
				weighTaps(sums, dy, &in, c)
				return y, shared, sums
			}
			var want [3][]float32
			useISA(t, instructionSets[len(instructionSets)-1])
			want[0], want[1], want[2] = run()
			for _, isa := range instructionSets {
				if !isa.usable {
					continue
				}
				useISA(t, isa)
				var got [3][]float32
				got[0], got[1], got[2] = run()
				for k := range got {
					for i, v := range got[k] {
						if d := math.Abs(float64(v - want[k][i])); !(d <= 1e-5*(1+math.Abs(float64(want[k][i])))) {
							t.Fatalf("%s, %d channels, %d positions, result %d: element %d is %g, want %g", isa.name, c, n, k, i, v, want[k][i])
						}
					}
				}
			}
		}
	}
}
