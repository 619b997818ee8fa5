package data

import (
	"math/bits"

	"gonum.org/v1/gonum/mathext/prng"
)

// pythonRandom is the generator of Python's module `random`: MT19937 with
// CPython's seeding and its ways to make numbers. Equal seeds give the numbers
// of `random.seed(n)` in CPython 3. It is not safe for concurrent use.
type pythonRandom struct{ mt prng.MT19937 }

// newPythonRandom is random.Random(seed): init_by_array over the 32-bit digits of
// seed, the least first. The digits may be given from several words, the least
// first too, for integers of more than 64 bits; Python takes the absolute value
// of a negative one.
func newPythonRandom(seed ...uint64) *pythonRandom {
	r := &pythonRandom{}
	r.Seed(seed...)
	return r
}

// Seed starts over as newPythonRandom.
func (r *pythonRandom) Seed(seed ...uint64) {
	var digits []uint32
	for _, word := range seed {
		digits = append(digits, uint32(word), uint32(word>>32))
	}
	for len(digits) > 0 && digits[len(digits)-1] == 0 {
		digits = digits[:len(digits)-1]
	}
	if len(digits) == 0 {
		digits = []uint32{0}
	}
	r.mt.SeedFromKeys(digits)
}

// Bits is random.getrandbits(k), 1 <= k <= 64: an integer in [0,2^k).
func (r *pythonRandom) Bits(k int) uint64 {
	switch {
	case k < 1 || k > 64:
		panic("data: pythonRandom.Bits needs 1 <= k <= 64")
	case k <= 32:
		return uint64(r.mt.Uint32() >> (32 - k))
	}
	low := uint64(r.mt.Uint32()) // Python fills the least digit first
	return low | uint64(r.mt.Uint32()>>(64-k))<<32
}

// Below is random._randbelow(n), n >= 1: an integer in [0,n). CPython takes as
// many bits as n has, so also one bit for n = 1, and rejects what is too large.
func (r *pythonRandom) Below(n int) int {
	if n < 1 {
		panic("data: pythonRandom.Below needs n >= 1")
	}
	k := bits.Len64(uint64(n))
	for {
		if v := r.Bits(k); v < uint64(n) {
			return int(v)
		}
	}
}

// RandInt is random.randint(low, high): an integer in [low,high], low <= high.
func (r *pythonRandom) RandInt(low, high int) int { return low + r.Below(high-low+1) }

// Float64 is random.random(): a multiple of 2^-53 in [0,1).
func (r *pythonRandom) Float64() float64 {
	high, low := r.mt.Uint32()>>5, r.mt.Uint32()>>6 // 27 and 26 bits
	return (float64(high)*(1<<26) + float64(low)) * 0x1p-53
}

// torchRandom is PyTorch's default generator on the CPU, MT19937. It is not safe
// for concurrent use.
type torchRandom struct{ mt prng.MT19937 }

// newTorchRandom is torch.manual_seed(seed). Of the seed PyTorch uses the lower
// 32 bits only.
func newTorchRandom(seed uint64) *torchRandom {
	r := &torchRandom{}
	r.mt.Seed(seed)
	return r
}

// Int63 is torch.empty((), dtype=torch.int64).random_(): an integer in [0,2^63)
// from two outputs, the first one being the upper half.
func (r *torchRandom) Int63() uint64 { return r.mt.Uint64() & (1<<63 - 1) }
