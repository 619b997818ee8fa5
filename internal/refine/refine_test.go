package refine

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Guided{
		"guided": usual, "guided,radius=2": {2, usual.Epsilon}, " guided , eps=0.01,radius=0.5": {0.5, 0.01},
	} {
		if got, err := Parse(text); err != nil || *got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if g, err := Parse(""); g != nil || err != nil {
		t.Errorf("nothing: %v, %v", g, err)
	}
	for _, text := range []string{"crf", "guided,radius=0", "guided,eps=2", "guided,sigma=1", "radius=1", "guided,radius=nan", "guided,guided"} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), "guided,radius=R,eps=E") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// naive is the filter by its definition, in float64, window by window.
func naive(g Guided, p []float32, gray []float64, h, w, r int) []float64 {
	mean := func(v func(i int) float64, y, x int) float64 {
		sum, n := 0.0, 0.0
		for yy := max(y-r, 0); yy <= min(y+r, h-1); yy++ {
			for xx := max(x-r, 0); xx <= min(x+r, w-1); xx++ {
				sum, n = sum+v(yy*w+xx), n+1
			}
		}
		return sum / n
	}
	a, b := make([]float64, h*w), make([]float64, h*w)
	for y := range h {
		for x := range w {
			i, q := mean(func(i int) float64 { return gray[i] }, y, x), mean(func(i int) float64 { return float64(p[i]) }, y, x)
			variance := mean(func(i int) float64 { return gray[i] * gray[i] }, y, x) - i*i
			covariance := mean(func(i int) float64 { return gray[i] * float64(p[i]) }, y, x) - i*q
			a[y*w+x] = covariance / (variance + g.Epsilon)
			b[y*w+x] = q - a[y*w+x]*i
		}
	}
	out := make([]float64, h*w)
	for y := range h {
		for x := range w {
			at := y*w + x
			out[at] = min(max(mean(func(i int) float64 { return a[i] }, y, x)*gray[at]+mean(func(i int) float64 { return b[i] }, y, x), 0), 1)
		}
	}
	return out
}

// TestApply: the filter is its definition, at odd sizes and where the window is larger than
// the map.
func TestApply(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct{ h, w, side, radius int }{{13, 9, 104, 1}, {1, 7, 56, 1}, {5, 5, 8, 5}, {20, 31, 124, 2}} {
		p, picture, gray := make([]float32, c.h*c.w), make([]uint8, c.h*c.w*3), make([]float64, c.h*c.w)
		for i := range p {
			p[i] = rng.Float32()
			for k, weight := range []float64{0.299, 0.587, 0.114} {
				picture[3*i+k] = uint8(rng.UintN(256))
				gray[i] += weight * float64(picture[3*i+k]) / 255
			}
		}
		g := Guided{Radius: 1, Epsilon: 1e-2}
		want := naive(g, p, gray, c.h, c.w, c.radius)
		g.Apply(p, picture, c.h, c.w, c.side)
		for i := range p {
			if math.Abs(float64(p[i])-want[i]) > 1e-4 {
				t.Errorf("%d×%d, side %d: pixel %d is %g, want %g", c.h, c.w, c.side, i, p[i], want[i])
				break
			}
		}
	}
}

// TestEdges: a blurred probability follows the edge of the picture, and a plane stays.
func TestEdges(t *testing.T) {
	const h, w = 40, 64
	p, picture := make([]float32, h*w), make([]uint8, h*w*3)
	for i := range p {
		x := i % w
		p[i] = float32(1 / (1 + math.Exp(float64(x-28)/4))) // half at column 28
		if x < 32 {
			picture[3*i], picture[3*i+1], picture[3*i+2] = 200, 200, 200
		}
	}
	Guided{Radius: 1, Epsilon: 1e-3}.Apply(p, picture, h, w, w)
	wrong := 0
	for i, v := range p {
		if (v > 0.5) != (i%w < 32) {
			wrong++
		}
	}
	if wrong > h { // four columns of 40 pixels were wrong
		t.Errorf("%d pixels are on the wrong side of the edge", wrong)
	}
	for i := range p {
		p[i] = 0.25
	}
	usual.Apply(p, picture, h, w, w)
	for i, v := range p {
		if math.Abs(float64(v)-0.25) > 1e-5 {
			t.Fatalf("a plane of 0.25 is %g at %d", v, i)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	const h, w = 1000, 1500
	p, picture := make([]float32, h*w), make([]uint8, h*w*3)
	for b.Loop() {
		usual.Apply(p, picture, h, w, 473)
	}
}
