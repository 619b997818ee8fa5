package rows

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// both runs f by the Go loops alone and with assembly, into out.
func both(t *testing.T, f func(out []float32), n int) {
	t.Helper()
	saved := vector
	defer func() { vector = saved }()
	want, got := make([]float32, n+8), make([]float32, n+8)
	for i := range want {
		want[i], got[i] = 7, 7
	}
	vector = false
	f(want[:n:n])
	vector = saved
	f(got[:n:n])
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%d values: value %d is %g, by the Go loop %g", n, i, got[i], want[i])
		}
	}
}

func random(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = 255 * rng.Float32()
	}
	return v
}

// Assembly gives the bits of the Go loops, and nothing behind the row's end.
func TestAssemblyEqualsGo(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 120 {
		g := rng.Float32()
		in := make([][]float32, 5)
		for i := range in {
			in[i] = random(rng, n)
		}
		both(t, func(out []float32) { Lerp(out, in[0], in[1], g, 1-g) }, n)
		both(t, func(out []float32) { Binomial(out, in[0], in[1], in[2], in[3], in[4]) }, n)
		bytes := make([]uint8, n)
		for i := range bytes {
			bytes[i] = uint8(rng.Uint32())
		}
		both(t, func(out []float32) { Float(out, bytes) }, n)

		width := 1 + rng.IntN(40)
		line := random(rng, 3*width)
		taps := make([]Tap, n)
		for i := range taps {
			k := i * width / n
			taps[i] = Tap{A: int32(3 * k), B: int32(3 * min(k+1, width-1)), F: g, G: 1 - g}
		}
		both(t, func(out []float32) { Gather(out, line, taps) }, 3*n)
	}
}

func TestTurnAssemblyEqualsGo(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		h, w := 3+rng.IntN(20), 4+rng.IntN(20)
		image := random(rng, h*w*3)
		// From one place inside to another one in equal steps.
		place := func(n int) int32 { return int32(rng.IntN(n << 10)) }
		x0, x1, y0, y1 := place(w-2), place(w-2), place(h-1), place(h-1)
		n := 1 + rng.IntN(30)
		xs, ys := make([]int32, n), make([]int32, n)
		for i := range xs {
			xs[i], ys[i] = (x1-x0)*int32(i)/int32(n), (y1-y0)*int32(i)/int32(n)
		}
		both(t, func(out []float32) { Remap(out, image, w, xs, ys, x0, y0) }, 3*n)
	}
}

// On a plane that is linear in the place, the place comes out.
func TestTurn(t *testing.T) {
	const w = 9
	image := make([]float32, 3*w*w)
	for i := range w * w {
		image[3*i], image[3*i+1], image[3*i+2] = float32(i%w), float32(i/w), 5
	}
	out := make([]float32, 6)
	Remap(out, image, w, []int32{0, 1024 + 512}, []int32{0, 256 + 31}, 1024, 2048)
	if want := []float32{1, 2, 5, 2.5, 2.25, 5}; !slices.Equal(out, want) {
		t.Errorf("%v, want %v", out, want)
	}
}

// All 2^24 colors.
func TestColorAssemblyEqualsGo(t *testing.T) {
	saved := vector
	defer func() { vector = saved }()
	luma, cb, cr := make([]uint8, 256+5), make([]uint8, 256+5), make([]uint8, 256+5)
	for i := range luma {
		luma[i] = uint8(i)
	}
	want, got := make([]uint8, 3*len(luma)), make([]uint8, 3*len(luma)+9)
	for u := range 256 {
		for v := range 256 {
			for i := range cb {
				cb[i], cr[i] = uint8(u), uint8(v)
			}
			vector = false
			Color(want, luma, cb, cr)
			vector = saved
			Color(got, luma, cb, cr)
			if !slices.Equal(got[:len(want)], want) {
				t.Fatalf("Cb %d, Cr %d: not the Go loop's colors", u, v)
			}
		}
	}
	if slices.Max(got[len(want):]) != 0 {
		t.Error("written behind the end")
	}
}

func TestColor(t *testing.T) {
	for _, c := range [][6]uint8{
		{0, 128, 128, 0, 0, 0}, {255, 128, 128, 255, 255, 255}, {76, 85, 255, 254, 0, 0}, {150, 44, 21, 0, 255, 1}, {29, 255, 107, 0, 0, 254},
	} {
		rgb := make([]uint8, 3)
		Color(rgb, c[:1], c[1:2], c[2:3])
		if !slices.Equal(rgb, c[3:]) {
			t.Errorf("YCbCr %v is %v, want %v", c[:3], rgb, c[3:])
		}
	}
}

func Benchmark(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	const w = 500
	in := make([][]float32, 6)
	for i := range in {
		in[i] = random(rng, 3*w)
	}
	image := random(rng, 3*w*40)
	taps := make([]Tap, w)
	xs, ys := make([]int32, w-4), make([]int32, w-4)
	for i := range taps {
		taps[i] = Tap{A: int32(3 * i), B: int32(3 * min(i+1, w-1)), F: 0.25, G: 0.75}
	}
	for i := range xs {
		xs[i], ys[i] = int32(1020*i), int32(70*i)
	}
	bytes := make([][]uint8, 4)
	for i := range bytes {
		bytes[i] = make([]uint8, 3*w)
	}
	for _, c := range []struct {
		name string
		run  func()
	}{
		{"Lerp", func() { Lerp(in[0], in[1], in[2], 0.25, 0.75) }},
		{"Binomial", func() { Binomial(in[0], in[1], in[2], in[3], in[4], in[5]) }},
		{"Float", func() { Float(in[0], bytes[0]) }},
		{"Gather", func() { Gather(in[0], in[1], taps) }},
		{"Remap", func() { Remap(in[0], image, w, xs, ys, 0, 0) }},
		{"Color", func() { Color(bytes[0], bytes[1][:w], bytes[2][:w], bytes[3][:w]) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				c.run()
			}
		})
	}
}
