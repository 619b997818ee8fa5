package data

import (
	"slices"
	"testing"
)

func TestPythonRandom(t *testing.T) {
	draws := releaseDraws(t)
	var ints []int
	r := newPythonRandom(12345678901234567)
	for range 20 {
		ints = append(ints, r.RandInt(1, 10))
	}
	if want := goldenValue[[]int](t, draws, "python_random/seed12345678901234567/randint_1_10"); !slices.Equal(ints, want) {
		t.Errorf("randint: %v, want %v", ints, want)
	}
	var floats []float64
	r = newPythonRandom(510)
	for range 5 {
		floats = append(floats, r.Float64())
	}
	if want := goldenValue[[]float64](t, draws, "python_random/seed510/random"); !slices.Equal(floats, want) {
		t.Errorf("random: %v, want %v", floats, want)
	}
}

// Values of CPython 3: random.seed(n), then the calls.
func TestPythonRandomSeeds(t *testing.T) {
	big := newPythonRandom(12345, 1<<36) // 2^100 + 12345
	for _, c := range []struct {
		bits int
		want uint64
	}{{1, 0}, {5, 2}, {32, 1297592944}, {33, 6856050968}, {40, 3277056371}, {64, 2869361143626123270}} {
		if got := big.Bits(c.bits); got != c.want {
			t.Errorf("seed 2^100 + 12345: getrandbits(%d) = %d, want %d", c.bits, got, c.want)
		}
	}
	zero := newPythonRandom(0)
	for _, c := range []struct{ low, high, want int }{{1, 1, 1}, {1, 2, 2}, {1, 3, 1}, {0, 1e12, 534771852898}} {
		if got := zero.RandInt(c.low, c.high); got != c.want {
			t.Errorf("seed 0: randint(%d, %d) = %d, want %d", c.low, c.high, got, c.want)
		}
	}
	if got := zero.Float64(); got != 0.4049341374504143 {
		t.Errorf("seed 0: random() = %v", got)
	}
	digits := newPythonRandom(1 << 32) // its least digit is zero, and counts
	for _, want := range []uint64{485306839, 1508871100, 1794561286} {
		if got := digits.Bits(32); got != want {
			t.Errorf("seed 2^32: %d, want %d", got, want)
		}
	}
	if a, b := newPythonRandom(7).Bits(64), newPythonRandom(7, 0, 0).Bits(64); a != b {
		t.Errorf("leading zeros of the seed change it: %d, %d", a, b)
	}
}

func TestTorchRandom(t *testing.T) {
	draws := releaseDraws(t)
	for key, seed := range map[string]uint64{"torch_base_seed/510": 510, "torch_base_seed/321": 321} {
		want := goldenValue[[]uint64](t, draws, key)
		if len(want) == 0 {
			t.Fatalf("%s is empty", key)
		}
		r := newTorchRandom(seed)
		for i, w := range want {
			if got := r.Int63(); got != w {
				t.Errorf("%s: value %d is %d, want %d", key, i, got, w)
			}
		}
	}
	if a, b := newTorchRandom(510).Int63(), newTorchRandom(1<<32+510).Int63(); a != b {
		t.Errorf("the upper half of the seed counts: %d, %d", a, b)
	}
}
