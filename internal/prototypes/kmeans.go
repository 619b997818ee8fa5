package prototypes

import (
	"math"
	"math/rand/v2"
	"slices"

	"hdmnet/internal/foundation"
)

// K-means begins anew some times, and the centers with the least sum of distances to the patches are kept.
// Each time it takes at most so many rounds.
const beginnings, rounds = 4, 100

// kmeans gives the prototypes [k,c], with length 1, of one kind of patches x [m,c]: the patches themselves
// where there are fewer than k. They are a function of x, the seed and the kind.
func (s scorer) kmeans(x []float32, kind uint64) []float32 {
	unit := foundation.Normalized(x, s.c)
	if len(x)/s.c < s.Clusters {
		return unit
	}
	r := rand.New(rand.NewPCG(s.Seed, kind))
	var best []float32
	least := math.Inf(1)
	for range beginnings {
		centers, sum := s.lloyd(x, unit, s.initial(unit, r))
		if sum < least {
			best, least = centers, sum
		}
	}
	return best
}

// lloyd moves centers until no patch changes its cluster (Lloyd's algorithm), and gives the sum of distances.
func (s scorer) lloyd(x, unit, centers []float32) (moved []float32, sum float64) {
	var of []int
	for range rounds {
		nearest, distances := s.assign(unit, centers)
		sum = 0
		for _, d := range distances {
			sum += d
		}
		if slices.Equal(nearest, of) {
			break
		}
		of = nearest
		centers = s.means(x, unit, of, distances)
	}
	return centers, sum
}

// initial draws k centers from x [m,c], of length 1, as k-means++ does: each with a probability in proportion to
// the distance 1 − cos, half the square of the Euclidean one, from the nearest of those before.
func (s scorer) initial(unit []float32, r *rand.Rand) []float32 {
	m := len(unit) / s.c
	at := r.IntN(m)
	centers := slices.Clone(unit[at*s.c : (at+1)*s.c])
	for len(centers) < s.Clusters*s.c {
		_, distances := s.assign(unit, centers)
		total := 0.0
		for _, d := range distances {
			total += d
		}
		left := r.Float64() * total
		at = 0
		for i, d := range distances {
			if d > 0 {
				if at = i; left < d {
					break
				}
			}
			left -= d
		}
		centers = append(centers, unit[at*s.c:(at+1)*s.c]...)
	}
	return centers
}

// assign gives every row of unit the nearest center, the first of several, and its distance 1 − cos.
func (s scorer) assign(unit, centers []float32) (of []int, distances []float64) {
	of, similar := s.p.Nearest(unit, centers, s.c)
	distances = make([]float64, len(of))
	for i, v := range similar {
		distances[i] = max(1-float64(v), 0)
	}
	return of, distances
}

// means are the centers [k,c], with length 1, of clusters. One without patches gets the patch that is
// farthest from its center, another one the next.
func (s scorer) means(x, unit []float32, of []int, distances []float64) []float32 {
	sums, count := make([]float64, s.Clusters*s.c), make([]int, s.Clusters)
	for i, j := range of {
		count[j]++
		for k, v := range x[i*s.c : (i+1)*s.c] {
			sums[j*s.c+k] += float64(v)
		}
	}
	centers := make([]float32, len(sums))
	for j, n := range count {
		if n == 0 {
			far := 0
			for i, d := range distances {
				if d > distances[far] {
					far = i
				}
			}
			distances[far] = 0
			copy(centers[j*s.c:], unit[far*s.c:(far+1)*s.c])
			continue
		}
		for k, v := range sums[j*s.c : (j+1)*s.c] {
			centers[j*s.c+k] = float32(v / float64(n))
		}
	}
	return foundation.Normalized(centers, s.c)
}
