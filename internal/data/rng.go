package data

import (
	"math/bits"

	"hdmnet/internal/splitmix"
)

// Rand is a counter-based generator (SplitMix64 over a hashed key): the same
// key gives the same numbers, whoever asks and in whatever order other keys
// are used. It is not safe for concurrent use; making one is cheap.
type Rand struct{ state uint64 }

// newRand makes the generator of a key, for instance (seed, epoch, position).
// Keys that differ in any place, or in length, give unrelated numbers.
func newRand(key ...uint64) *Rand {
	h := splitmix.Mix(uint64(len(key)) + splitmix.Step)
	for _, k := range key {
		h = splitmix.Mix(h ^ splitmix.Mix(k+splitmix.Step))
	}
	return &Rand{state: h}
}

// Uint64 gives 64 random bits.
func (r *Rand) Uint64() uint64 {
	r.state += splitmix.Step
	return splitmix.Mix(r.state)
}

// Float64 gives a number in [0,1), uniform over multiples of 2^-53.
func (r *Rand) Float64() float64 { return float64(r.Uint64()>>11) * 0x1p-53 }

// Uniform gives a number in [lo,hi).
func (r *Rand) Uniform(lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }

// Intn gives an unbiased integer in [0,n), n >= 1.
func (r *Rand) Intn(n int) int {
	if n <= 0 {
		panic("data: Rand.Intn needs n >= 1")
	}
	// Multiply-shift with rejection of the short tail, so that no value is favored.
	bound := uint64(n)
	hi, lo := bits.Mul64(r.Uint64(), bound)
	if lo < bound {
		for tail := -bound % bound; lo < tail; {
			hi, lo = bits.Mul64(r.Uint64(), bound)
		}
	}
	return int(hi)
}

// Perm gives a random order of 0..n-1 (Fisher–Yates).
func (r *Rand) Perm(n int) []int {
	p := make([]int, n)
	for i := range p {
		j := r.Intn(i + 1)
		p[i] = p[j]
		p[j] = i
	}
	return p
}

// Streams keep the uses of one seed apart.
const (
	streamOrder   = 1 // order of the training queries
	streamDraw    = 2 // class and supports of an episode
	streamAugment = 3 // augmentation of an episode's pictures
	streamScene   = 4 // synthetic scenes
	streamShots   = 5 // number of supports of a batch
)
