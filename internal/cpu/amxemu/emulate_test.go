//go:build linux && amd64 && cgo

package amxemu

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/cpu"
)

func install(t *testing.T) {
	t.Helper()
	if !cpu.X86.HasAVX512F {
		t.Skip("this processor lacks AVX-512F")
	}
	if err := Install(); err != nil {
		t.Fatal(err)
	}
}

// sizes is a configuration: bytes of a row and rows of tiles 0, 1, 2.
func sizes(of ...[2]int) *[64]byte {
	config := &[64]byte{1}
	for t, s := range of {
		config[16+2*t], config[48+t] = byte(s[0]), byte(s[1])
	}
	return config
}

// flushed is v, or 0 where it is subnormal.
func flushed(v float32) float32 {
	if math.Abs(float64(v)) < 0x1p-126 {
		return float32(math.Copysign(0, float64(v)))
	}
	return v
}

// TestProduct compares a product with the manual's pseudocode bit by bit: sizes up to whole
// tiles, values of every magnitude, subnormal ones, NaN and infinities.
func TestProduct(t *testing.T) {
	install(t)
	before := Executed()
	r := rand.New(rand.NewPCG(1, 2))
	special := []uint16{0, 0x8000, 1, 0x807f, 0x0080, 0x7f80, 0xff80, 0x7fc0, 0x3f80, 0x7f7f}
	for range 300 {
		m, k, n := 1+r.IntN(16), 1+r.IntN(16), 1+r.IntN(16)
		wild := r.IntN(2) == 0
		value := func() uint16 {
			switch {
			case wild && r.IntN(60) == 0:
				return special[r.IntN(len(special))]
			case wild:
				return uint16(r.Uint32())
			}
			return uint16(math.Float32bits(float32(r.NormFloat64())) >> 16)
		}
		a, b := make([]uint16, 16*40), make([]uint16, 16*40) // rows are 80 bytes apart
		for i := range a {
			a[i], b[i] = value(), value()
		}
		const row = 17
		c, want := make([]float32, 16*row), make([]float32, 16*row)
		for i := range c {
			c[i] = float32(r.NormFloat64())
			want[i] = c[i]
		}
		for i := range m {
			for j := range n {
				var sums [2]float32 // of the even products and of the odd ones
				for p := range k {
					for odd := range sums {
						x := flushed(math.Float32frombits(uint32(a[i*40+2*p+odd]) << 16))
						y := flushed(math.Float32frombits(uint32(b[p*40+2*j+odd]) << 16))
						sums[odd] = flushed(fma32(x, y, sums[odd]))
					}
				}
				want[i*row+j] = flushed(flushed(c[i*row+j]) + flushed(sums[0]+sums[1]))
			}
		}
		product(sizes([2]int{4 * n, m}, [2]int{4 * k, m}, [2]int{4 * n, k}),
			unsafe.Pointer(&a[0]), 80, unsafe.Pointer(&b[0]), 80, unsafe.Pointer(&c[0]), 4*row)
		if err := Check(); err != nil {
			t.Fatal(err)
		}
		for i := range c {
			if g, w := math.Float32bits(c[i]), math.Float32bits(want[i]); g != w && (c[i] == c[i] || want[i] == want[i]) {
				t.Fatalf("%d×%d×%d: element %d is %g (%08x), want %g (%08x)", m, k, n, i, c[i], g, want[i], w)
			}
		}
	}
	if Executed() != before+300*8 {
		t.Errorf("%d instructions executed, want %d: does this processor have AMX?", Executed()-before, 300*8)
	}
}

// fma32 is x·y + z rounded once. The product of two bf16 is exact in float64; its sum with z is
// rounded to odd there, so that the rounding to float32 is the only one.
func fma32(x, y, z float32) float32 {
	p, q := float64(x)*float64(y), float64(z)
	s := p + q
	if math.IsInf(s, 0) || s != s {
		return float32(s)
	}
	t := s - p
	if rest := (p - (s - t)) + (q - t); rest != 0 && math.Float64bits(s)&1 == 0 {
		if (rest > 0) == (s > 0) {
			s = math.Float64frombits(math.Float64bits(s) + 1)
		} else {
			s = math.Float64frombits(math.Float64bits(s) - 1)
		}
	}
	return float32(s)
}

// TestFaults: what a processor refuses is told.
func TestFaults(t *testing.T) {
	install(t)
	const (
		load    = "\xc4\xe2\x78\x49\x07"         // ldtilecfg (%rdi)
		release = "\xc4\xe2\x78\x49\xc0"         // tilerelease
		zero    = "\xc4\xe2\x7b\x49\xc0"         // tilezero %tmm0
		zero3   = "\xc4\xe2\x7b\x49\xd8"         // tilezero %tmm3
		fill    = "\xc4\xe2\x7b\x4b\x04\x06"     // tileloadd (%rsi,%rax,1),%tmm0
		keep    = "\xc4\xe2\x7a\x4b\x44\x06\x00" // tilestored %tmm0,0x0(%rsi,%rax,1)
		dot     = "\xc4\xe2\x6a\x5c\xc1"         // tdpbf16ps %tmm2,%tmm1,%tmm0
		same    = "\xc4\xe2\x7a\x5c\xc1"         // tdpbf16ps %tmm0,%tmm1,%tmm0
		other   = "\xc4\xe2\x72\x49\xc0"         // map 0F38, opcode 49, a second operand
	)
	whole := [2]int{64, 16}
	palette, reserved, start := sizes(whole), sizes(whole), sizes(whole)
	palette[0], reserved[5], start[1] = 2, 1, 3
	memory := make([]byte, 16*64)
	for _, c := range []struct {
		name   string
		config *[64]byte
		code   string
		want   string
	}{
		{"nothing wrong", sizes(whole, whole, whole), load + zero + fill + dot + keep + release, ""},
		{"no configuration", sizes(whole), zero, "not configured on this thread"},
		{"after the release", sizes(whole), load + release + fill, "not configured on this thread"},
		{"another tile", sizes(whole), load + zero3 + release, "(tile 3)"},
		{"palette", palette, load, "palette 1"},
		{"reserved", reserved, load + release, "reserved"},
		{"start row", start, load + release, "start row"},
		{"wide", sizes([2]int{65, 16}), load, "over the limits"},
		{"high", sizes([2]int{64, 17}), load, "over the limits"},
		{"no rows", sizes([2]int{64, 0}), load, "over the limits"},
		{"depth", sizes(whole, [2]int{60, 16}, whole), load + dot + release, "do not fit"},
		{"rows", sizes([2]int{64, 15}, whole, whole), load + dot + release, "do not fit"},
		{"same tile", sizes(whole, whole, whole), load + same + release, "same tile"},
		{"no release", sizes(whole), load + zero, "no tilerelease"},
		{"configured twice", sizes(whole), load + load + release, "configured already"},
		{"another instruction", sizes(whole), other + zero, ""},
	} {
		execute(c.config, []byte(c.code), unsafe.Pointer(&memory[0]), 64)
		err := Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		execute(c.config, []byte(release), nil, 0)
		if err := Check(); err != nil {
			t.Errorf("%s: %v after the release", c.name, err)
		}
	}
}
