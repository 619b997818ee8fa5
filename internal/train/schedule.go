package train

import (
	"math"

	"hdmnet/internal/splitmix"
)

// poly is the polynomial learning-rate schedule of the field,
//
//	lr_it = base·(1 − it/last)^power
//
// with it counted from 1 to last: the first step has almost the base rate, the last one 0.
// PyTorch: LambdaLR with that formula and last_epoch + 1.
func poly(base float64, it, last int, power float64) float64 {
	return base * math.Pow(1-float64(it)/float64(last), power)
}

// stepSeed is the seed of all dropouts of one forward pass: a pure function of the run's
// seed, the stage, the step (from 1) and the batch within the step (from 0), so that a
// resumed run drops what an uninterrupted one does.
func stepSeed(seed uint64, stage string, step, micro int) uint64 {
	z := seed
	for _, v := range []uint64{uint64(stageIndex(stage)), uint64(step), uint64(micro)} {
		z = splitmix.Mix(z ^ splitmix.Mix(v+splitmix.Step))
	}
	return z
}
