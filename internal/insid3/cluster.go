package insid3

import (
	"math"
	"slices"
)

// distances are those between n points: of i < j at row(i)+j, in float64 as SciPy has them, n·(n−1)/2
// numbers; 64 MiB for 4096 points.
type distances struct {
	n int
	d []float64
}

func newDistances(n int) *distances { return &distances{n, make([]float64, n*(n-1)/2)} }

// row is where the distances of point i to those after it would begin with point 0.
func (d *distances) row(i int) int { return i*d.n - i*(i+1)/2 - i - 1 }

func (d *distances) at(i, j int) *float64 {
	if i > j {
		i, j = j, i
	}
	return &d.d[d.row(i)+j]
}

// cluster joins points by average linkage: again and again the two clusters with the least mean
// distance between their points, as long as it is below cut. It returns every point's cluster; clusters
// are numbered by their first points. The distances are lost.
//
// The clusters are those of scikit-learn's AgglomerativeClustering(linkage="average",
// distance_threshold=cut). They are found along chains of nearest neighbors (Murtagh 1983; Müllner 2011),
// in O(n²) time, and joined where two are each other's nearest: for average linkage in any order. Among
// neighbors equally near, the one before in the chain counts, else the first.
func cluster(d *distances, cut float64) []int {
	// A cluster lives in the place of its last point; joined are the places that it took over.
	joined, size, alive := make([]int, d.n), make([]int, d.n), make([]int, d.n)
	for i := range alive {
		joined[i], size[i], alive[i] = i, 1, i
	}
	var chain []int
	for len(alive) > 0 {
		if len(chain) == 0 {
			chain = append(chain, alive[0])
		}
		x, before := chain[len(chain)-1], -1
		y, least := -1, math.Inf(1)
		if len(chain) > 1 {
			before = chain[len(chain)-2]
			y, least = before, *d.at(x, before)
		}
		for _, i := range alive {
			if i == x {
				continue
			}
			if v := *d.at(x, i); v < least {
				y, least = i, v
			}
		}
		switch {
		case !(least < cut):
			// Along a chain distances only fall: nothing in it has a neighbor this side of the cut, now or
			// later, since means of distances beyond the cut are beyond it.
			alive = without(alive, chain)
			chain = chain[:0]
		case y == before:
			if chain = chain[:len(chain)-2]; x > y {
				x, y = y, x
			}
			alive = without(alive, []int{x})
			d.join(alive, x, y, float64(size[x]), float64(size[y]))
			joined[x], size[y] = y, size[x]+size[y]
		default:
			chain = append(chain, y)
		}
	}
	return number(joined)
}

// join makes the distances of y those of x and y together.
func (d *distances) join(alive []int, x, y int, nx, ny float64) {
	for _, i := range alive {
		if i != y {
			to := d.at(i, y)
			*to = (nx**d.at(i, x) + ny**to) / (nx + ny)
		}
	}
}

// without is list, in ascending order, without some of it.
func without(list, some []int) []int {
	for _, i := range some {
		at, _ := slices.BinarySearch(list, i)
		list = slices.Delete(list, at, at+1)
	}
	return list
}

// number gives numbers to the clusters, which live in places that are later than those that they took over.
func number(joined []int) []int {
	labels, numbers := make([]int, len(joined)), map[int]int{}
	for i := range joined {
		place := i
		for joined[place] != place {
			place = joined[place]
		}
		if _, ok := numbers[place]; !ok {
			numbers[place] = len(numbers)
		}
		labels[i] = numbers[place]
	}
	return labels
}
