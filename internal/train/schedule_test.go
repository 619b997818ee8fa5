package train

import (
	"math"
	"testing"
)

func TestPoly(t *testing.T) {
	for _, c := range []struct {
		it, last int
		want     float64
	}{
		{1, 100, 9.90995483e-05}, // 1e-4·0.99^0.9
		{50, 100, 5.35886731e-05},
		{1, 10, 9.09532576e-05}, // as the release logs it
		{99, 100, 1.58489319e-06},
		{100, 100, 0},
		{1, 1, 0},
	} {
		if got := poly(1e-4, c.it, c.last, 0.9); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("step %d of %d: %.9g, want %.9g", c.it, c.last, got, c.want)
		}
	}
}

func TestStepSeedsDiffer(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(3) {
		for _, stage := range []string{Base, Meta} {
			for step := 1; step <= 50; step++ {
				for micro := range 3 {
					s := stepSeed(seed, stage, step, micro)
					if seen[s] {
						t.Fatalf("seed %d %s step %d batch %d repeats another's dropouts", seed, stage, step, micro)
					}
					seen[s] = true
				}
			}
		}
	}
	if got := stepSeed(321, Meta, 2, 1); got != 0xc8c7ced9962ce78 {
		t.Errorf("the seed of a step is %#x: runs of earlier versions cannot go on with the same bits", got)
	}
}
