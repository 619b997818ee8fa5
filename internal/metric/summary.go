package metric

import (
	"maps"
	"math"
	"slices"
)

// Summary is the score of one protocol: the same fold under several seeds.
type Summary struct {
	MIoU, MIoUStd   float64         // mean and standard deviation over the seeds
	FBIoU, FBIoUStd float64         // likewise
	PerClass        map[int]float64 // mean over the seeds that drew the class
	Missing         []int           // classes that no seed drew
	Episodes        int             // of all seeds together
}

// Summarize combines the scores of several seeds. All must be for the same classes.
func Summarize(seeds []*IoU) Summary {
	var s Summary
	var miou, fb []float64
	perClass := map[int][]float64{}
	missing := map[int]int{}
	for _, m := range seeds {
		miou, fb = append(miou, m.MIoU()), append(fb, m.FBIoU())
		for c, v := range m.PerClass() {
			perClass[c] = append(perClass[c], v)
		}
		for _, c := range m.Missing() {
			missing[c]++
		}
		s.Episodes += m.Episodes()
	}
	s.MIoU, s.MIoUStd = MeanStd(miou)
	s.FBIoU, s.FBIoUStd = MeanStd(fb)
	s.PerClass = make(map[int]float64, len(perClass))
	for c, values := range perClass {
		s.PerClass[c], _ = MeanStd(values)
	}
	for _, c := range slices.Sorted(maps.Keys(missing)) {
		if missing[c] == len(seeds) {
			s.Missing = append(s.Missing, c)
		}
	}
	return s
}

// MeanStd is the mean and the sample standard deviation √(Σ(x−mean)²/(n−1)) of
// values; the deviation of a single value is 0, and of no values both are 0.
func MeanStd(values []float64) (mean, std float64) {
	n := float64(len(values))
	if n == 0 {
		return 0, 0
	}
	for _, v := range values {
		mean += v
	}
	mean /= n
	if n == 1 {
		return mean, 0
	}
	for _, v := range values {
		std += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(std / (n - 1))
}
