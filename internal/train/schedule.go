package train

import "math"

// Poly is the polynomial learning-rate schedule of the field,
//
//	lr_it = base·(1 − it/last)^power
//
// with it counted from 1 to last: the first step has almost the base rate, the last one 0.
// PyTorch: LambdaLR with that formula and last_epoch + 1.
func Poly(base float64, it, last int, power float64) float64 {
	return base * math.Pow(1-float64(it)/float64(last), power)
}

// stepSeed is the seed of all dropouts of one forward pass: a pure function of the run's
// seed, the stage, the step (from 1) and the batch within the step (from 0), so that a
// resumed run drops what an uninterrupted one does.
func stepSeed(seed uint64, stage string, step, micro int) uint64 {
	z := seed
	for _, v := range []uint64{uint64(stageIndex(stage)), uint64(step), uint64(micro)} {
		z = mix(z ^ mix(v+0x9E3779B97F4A7C15))
	}
	return z
}

// mix is SplitMix64's finalizer.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}
