package report

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"hdmnet/internal/results"
)

// Resamples of the bootstrap, and the share of them that lies outside an interval.
const (
	resamples = 2000
	outside   = 0.05
)

// interval is a value with the bounds that 95 of 100 resamples of the episodes lie in.
type interval struct{ Value, Low, High float64 }

// ratio sums pixels.
type ratio struct{ intersection, union int64 }

func (r ratio) iou() float64 {
	if r.union == 0 {
		return 0
	}
	return float64(r.intersection) / float64(r.union)
}

// episodes are the results of an entry in an order that is the same for all entries that
// scored the same episodes.
type episodes struct {
	all     []*results.Episode
	seeds   [][]int // places in all, by seed
	classes map[string]int
}

func arrange(f *results.File) *episodes {
	s := &episodes{classes: map[string]int{}}
	for i := range f.Episodes {
		s.all = append(s.all, &f.Episodes[i])
	}
	slices.SortStableFunc(s.all, func(a, b *results.Episode) int {
		if a.Seed != b.Seed {
			return a.Seed - b.Seed
		}
		return a.Position - b.Position
	})
	for i, e := range s.all {
		if i == 0 || e.Seed != s.all[i-1].Seed {
			s.seeds = append(s.seeds, nil)
		}
		last := len(s.seeds) - 1
		s.seeds[last] = append(s.seeds[last], i)
		if _, ok := s.classes[e.Class]; !ok {
			s.classes[e.Class] = len(s.classes)
		}
	}
	return s
}

// same tells whether two entries scored the same episodes.
func (s *episodes) same(o *episodes) bool {
	return slices.EqualFunc(s.all, o.all, func(a, b *results.Episode) bool {
		return a.Seed == b.Seed && a.Position == b.Position && a.Query == b.Query && a.Class == b.Class
	})
}

// scores are mIoU and FB-IoU of a sample, by seed places in all: the means over the seeds,
// as `hdmnet eval` prints them.
func (s *episodes) scores(sample [][]int) (miou, fbIoU float64) {
	perClass := make([]ratio, len(s.classes))
	for _, seed := range sample {
		clear(perClass)
		var fg, bg ratio
		for _, i := range seed {
			e := s.all[i]
			c := &perClass[s.classes[e.Class]]
			c.intersection += e.Intersection
			c.union += e.Union
			fg.intersection += e.Intersection
			fg.union += e.Union
			bg.intersection += e.BackgroundIntersection
			bg.union += e.BackgroundUnion
		}
		sum, n := 0.0, 0
		for _, c := range perClass {
			if c.union > 0 {
				sum, n = sum+c.iou(), n+1
			}
		}
		miou += sum / float64(max(n, 1)) / float64(len(sample))
		fbIoU += (fg.iou() + bg.iou()) / 2 / float64(len(sample))
	}
	return miou, fbIoU
}

// bootstrap is mIoU and FB-IoU of every resample. The draws depend on the numbers of
// episodes alone: entries that scored the same episodes get the same resamples, and their
// differences are paired.
func (s *episodes) bootstrap() (miou, fbIoU []float64) {
	r := rand.New(rand.NewPCG(1, 2))
	sample := make([][]int, len(s.seeds))
	for i, seed := range s.seeds {
		sample[i] = make([]int, len(seed))
	}
	miou, fbIoU = make([]float64, resamples), make([]float64, resamples)
	for n := range resamples {
		for i, seed := range s.seeds {
			for k := range sample[i] {
				sample[i][k] = seed[r.IntN(len(seed))]
			}
		}
		miou[n], fbIoU[n] = s.scores(sample)
	}
	return miou, fbIoU
}

// between is a value with the bounds of its resamples.
func between(value float64, samples []float64) interval {
	sorted := slices.Sorted(slices.Values(samples))
	at := func(share float64) float64 { return sorted[int(math.Round(share*float64(len(sorted)-1)))] }
	return interval{value, at(outside / 2), at(1 - outside/2)}
}

// perClass is the IoU of every class over all seeds, by name.
func (s *episodes) perClass() map[string]float64 {
	sums := map[string]ratio{}
	for _, e := range s.all {
		c := sums[e.Class]
		c.intersection += e.Intersection
		c.union += e.Union
		sums[e.Class] = c
	}
	out := map[string]float64{}
	for name, c := range sums {
		out[name] = c.iou()
	}
	return out
}

// classNames are the classes of all entries.
func classNames(all []*episodes) []string {
	names := map[string]bool{}
	for _, s := range all {
		if s != nil {
			for name := range s.classes {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// calibration is how often pixels are the object, against the probability that the network
// gives them.
type calibration struct {
	points []point // mean probability and share of object of each bin that has pixels
	// Error is the mean distance of the two, weighed by pixels (expected calibration error).
	Error float64
}

func (s *episodes) calibrate() (c calibration) {
	var bins [results.Bins]results.Bin
	total := 0.0
	for _, e := range s.all {
		for i, b := range e.Probability {
			bins[i].Pixels += b.Pixels
			bins[i].Object += b.Object
			bins[i].Sum += b.Sum
			total += float64(b.Pixels)
		}
	}
	for _, b := range bins {
		if b.Pixels == 0 {
			continue
		}
		n := float64(b.Pixels)
		p := point{b.Sum / n, float64(b.Object) / n}
		c.points = append(c.points, p)
		c.Error += math.Abs(p.x-p.y) * n / total
	}
	return c
}
