package insid3

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestClusterByDefinition compares with joining the two nearest clusters of all again and again, with
// mean distances that are computed anew from those of the points.
func TestClusterByDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[int]bool{}
	for round := range 60 {
		n := 1 + r.IntN(40)
		points := make([][3]float64, n)
		for i := range points {
			for j := range points[i] {
				points[i][j] = r.Float64() + float64(i%3)*0.5*float64(round%2)
			}
		}
		d := newDistances(n)
		for i := range n {
			for j := i + 1; j < n; j++ {
				*d.at(i, j) = math.Hypot(math.Hypot(points[i][0]-points[j][0], points[i][1]-points[j][1]), points[i][2]-points[j][2])
			}
		}
		cut := 0.1 + r.Float64()
		want := slowly(&distances{n, slices.Clone(d.d)}, cut)
		if got := cluster(d, cut); !slices.Equal(got, want) {
			t.Fatalf("%d points, cut %g: clusters %v, by definition %v", n, cut, got, want)
		}
		seen[slices.Max(want)+1] = true
	}
	if len(seen) < 5 {
		t.Errorf("only %d different numbers of clusters", len(seen))
	}
}

func slowly(d *distances, cut float64) []int {
	labels := make([]int, d.n)
	for i := range labels {
		labels[i] = i
	}
	for {
		a, b, least := -1, -1, cut
		for x := range d.n {
			for y := x + 1; y < d.n; y++ {
				sum, pairs := 0.0, 0.0
				for i, k := range labels {
					for j, l := range labels {
						if k == x && l == y {
							sum, pairs = sum+*d.at(i, j), pairs+1
						}
					}
				}
				if pairs > 0 && sum/pairs < least {
					a, b, least = x, y, sum/pairs
				}
			}
		}
		if a < 0 {
			break
		}
		for i, k := range labels {
			if k == b {
				labels[i] = a
			}
		}
	}
	out, numbers := make([]int, d.n), map[int]int{}
	for i, k := range labels {
		if _, ok := numbers[k]; !ok {
			numbers[k] = len(numbers)
		}
		out[i] = numbers[k]
	}
	return out
}

// TestProbability: scores become probabilities that rise with them, 1/2 at the limit.
func TestProbability(t *testing.T) {
	for score, want := range map[float64]float64{-0.5: 0, 0: 0, 0.1: 0.25, 0.2: 0.5, 0.6: 0.75, 1: 1, 1.01: 1} {
		if got := probability(score, 0.2); math.Abs(got-want) > 1e-12 {
			t.Errorf("score %g gives %g, want %g", score, got, want)
		}
	}
}
