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

// TestSegmentWithoutObject: supports without an object take no part, and nothing is found with none.
func TestSegmentWithoutObject(t *testing.T) {
	p, c := tape(t), 4
	f := &features{h: 2, w: 2, c: c, plain: make([]float32, 4*c)}
	for i := range 4 {
		f.plain[i*c+i/2] = 1
	}
	f.debiased = f.plain
	with, without := support{f, []bool{true, true, false, false}}, support{f, make([]bool, 4)}
	s := Settings{Size: 8, Tau: 0.6, Merge: 0.2}
	if got := segment(p, []support{with, without}, f, s); !slices.Equal(got.object, []bool{true, true, false, false}) {
		t.Errorf("with one empty mask of two: %v", got.object)
	}
	got := segment(p, []support{without}, f, s)
	if slices.Contains(got.object, true) || slices.Max(got.enlarge(s, 5, 7)) > 0.5 {
		t.Errorf("without any object: %v", got.object)
	}
}

// TestProbability: scores become probabilities that rise with them, 1/2 at the limit.
func TestProbability(t *testing.T) {
	for score, want := range map[float64]float64{-0.5: 0, 0: 0, 0.1: 0.25, 0.2: 0.5, 0.6: 0.75, 1: 1, 1.01: 1} {
		if got := probability(score, 0.2); math.Abs(got-want) > 1e-12 {
			t.Errorf("score %g gives %g, want %g", score, got, want)
		}
	}
}

// TestCache: what was asked for last stays, within the limit.
func TestCache(t *testing.T) {
	var c cache
	c.put("a", make([]float32, 10)) // no room yet
	c.resize(100)
	for _, name := range []string{"a", "b"} {
		c.put(name, make([]float32, 10))
	}
	if c.get("a") == nil {
		t.Error("a is gone before the memory was full")
	}
	c.put("c", make([]float32, 10)) // 120 bytes in all
	if c.get("b") != nil || c.get("a") == nil || c.get("c") == nil {
		t.Error("not the one asked for least recently left")
	}
	c.put("large", make([]float32, 100))
	if c.get("large") != nil || c.get("c") == nil {
		t.Error("what fits nowhere was kept, or drove others out")
	}
	c.resize(0)
	if c.get("a") != nil || c.used != 0 {
		t.Errorf("%d bytes are kept within none", c.used)
	}
}
