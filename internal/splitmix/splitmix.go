// Package splitmix is the arithmetic of SplitMix64 (Steele, Lea and Flood, Fast Splittable
// Pseudorandom Number Generators, OOPSLA 2014): random numbers as a pure function of a seed
// and a counter.
package splitmix

// Step is the distance of two states of a generator: 2⁶⁴ divided by the golden ratio.
const Step = 0x9E3779B97F4A7C15

// Mix turns a state into its random bits: a bijection whose output bits each depend on all
// input bits.
func Mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}
