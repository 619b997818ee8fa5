package insid3

import (
	"slices"

	"hdmnet/internal/foundation"
)

// support is a picture with the patches that show the object.
type support struct {
	*features
	object []bool // [n]
}

// found is what a query shows.
type found struct {
	object []bool    // [n] patches of the object
	scores []float32 // [n] of their clusters
}

// segment finds the object of the supports in a query, by features of c channels. The package's comment
// has the steps and their formulas.
func segment(p foundation.Product, supports []support, query *features, c int, s Settings) *found {
	n := len(query.plain) / c
	out := &found{object: make([]bool, n), scores: make([]float32, n)}
	prototype := prototypeOf(supports, c)
	similar := dots(query.debiased, prototype)
	candidates := forward(similar)
	backward(p, candidates, supports, query.debiased, c)
	if !slices.Contains(candidates, true) {
		return out
	}
	labels := cluster(cosineDistances(p, query.plain, c), 1-s.Tau)
	groups := group(labels, candidates)
	seed := seedOf(groups, query.debiased, prototype)
	center := direction(query.plain, c, groups[seed].patches)
	for k, g := range groups {
		sum, n := 0.0, float64(len(g.patches))
		for _, i := range g.patches {
			sum += float64(similar[i])
		}
		score := sum / n * float64(dot(center, direction(query.plain, c, g.patches)))
		if k != seed {
			score *= float64(g.candidates) / n
		}
		for _, i := range g.patches {
			out.scores[i], out.object[i] = float32(score), score > s.Merge
		}
	}
	return out
}

// prototypeOf is the mean over the supports of the mean of the object's F', with length 1.
func prototypeOf(supports []support, c int) []float32 {
	sum := make([]float64, c)
	for _, s := range supports {
		for j, v := range average(s.debiased, c, where(s.object)) {
			sum[j] += v
		}
	}
	return foundation.Normalized(sum, c)
}

// where is the places at which a mask is true.
func where(mask []bool) (at []int) {
	for i, is := range mask {
		if is {
			at = append(at, i)
		}
	}
	return at
}

func dot(a, b []float32) float32 {
	s := 0.0
	for i, v := range a {
		s += float64(v) * float64(b[i])
	}
	return float32(s)
}

// dots are the products of every row of x with v.
func dots(x, v []float32) []float32 {
	out := make([]float32, len(x)/len(v))
	for i := range out {
		out[i] = dot(x[i*len(v):(i+1)*len(v)], v)
	}
	return out
}

// average is the mean of some rows of x [n,c].
func average(x []float32, c int, rows []int) []float64 {
	out := make([]float64, c)
	for _, i := range rows {
		for j, v := range x[i*c : (i+1)*c] {
			out[j] += float64(v)
		}
	}
	for j := range out {
		out[j] /= float64(len(rows))
	}
	return out
}

// direction is the mean of some rows of x [n,c], with length 1.
func direction(x []float32, c int, rows []int) []float32 {
	return foundation.Normalized(average(x, c, rows), c)
}

// forward tells which patches are similar to the prototype: those above 0 or, where none is, above the 0.9
// quantile (interpolated between two, as PyTorch's).
func forward(similar []float32) []bool {
	most := float32(0)
	if slices.Max(similar) <= 0 {
		sorted := slices.Sorted(slices.Values(similar))
		at := 0.9 * float64(len(sorted)-1)
		i := int(at)
		f := float32(at - float64(i))
		most = sorted[i] + f*(sorted[min(i+1, len(sorted)-1)]-sorted[i])
	}
	out := make([]bool, len(similar))
	for i, v := range similar {
		out[i] = v > most
	}
	return out
}

// backward drops the candidates whose most similar patch, the first of several, is the object in fewer
// than half of the supports.
func backward(p foundation.Product, candidates []bool, supports []support, debiased []float32, c int) {
	asked := where(candidates)
	var rows []float32
	for _, i := range asked {
		rows = append(rows, debiased[i*c:(i+1)*c]...)
	}
	votes := make([]int, len(asked))
	for _, s := range supports {
		nearest, _ := p.Nearest(rows, s.debiased, c)
		for k, j := range nearest {
			if s.object[j] {
				votes[k]++
			}
		}
	}
	for k, i := range asked {
		candidates[i] = 2*votes[k] >= len(supports)
	}
}

// cosineDistances are 1 − cos between the rows of x [n,c], of length 1; cos within [−1, 1].
func cosineDistances(p foundation.Product, x []float32, c int) *distances {
	n := len(x) / c
	d := newDistances(n)
	p.Upper(x, c, func(first int, values []float32) {
		wide := n - first
		for r := range len(values) / wide {
			to := d.row(first + r)
			for j := r + 1; j < wide; j++ {
				d.d[to+first+j] = float64(1 - min(max(values[r*wide+j], -1), 1))
			}
		}
	})
	return d
}

// members are the patches of a cluster, and how many of them are candidates.
type members struct {
	patches    []int
	candidates int
}

func group(labels []int, candidates []bool) []members {
	groups := make([]members, slices.Max(labels)+1)
	for i, k := range labels {
		groups[k].patches = append(groups[k].patches, i)
		if candidates[i] {
			groups[k].candidates++
		}
	}
	return groups
}

// seedOf is the cluster with candidates whose mean is most similar to the prototype.
func seedOf(groups []members, debiased, prototype []float32) int {
	seed, most := -1, float32(0)
	for k, g := range groups {
		if g.candidates == 0 {
			continue
		}
		if v := dot(direction(debiased, len(prototype), g.patches), prototype); seed < 0 || v > most {
			seed, most = k, v
		}
	}
	return seed
}
