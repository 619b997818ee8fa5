package prototypes

import (
	"math"
	"slices"

	"hdmnet/internal/data"
	"hdmnet/internal/foundation"
	"hdmnet/internal/labelmap"
)

// network is the method with an encoder.
type network struct {
	Settings
	encoder *foundation.Encoder
}

// Find gives a pixel the probability 1/2 + (a − b)/2, within 0 and 1, for the scores a of the object and b of
// the background.
//
// Memory, besides the encoder's, for n patches of C channels: 4·n·C bytes for the features of every
// support and of the query, and about twice as much again; some maps of S² numbers.
func (n *network) Find(e *data.Episode) ([]float32, error) {
	supports, query, err := n.encoder.Read(e)
	if err != nil {
		return nil, err
	}
	if len(supports) == 0 {
		return make([]float32, e.H*e.W), nil
	}
	object, background := split(supports, n.Size, n.encoder.Side, n.encoder.Channels)
	s := scorer{n.Settings, n.encoder.Product(), n.encoder.Side, n.encoder.Channels, query, foundation.Normalized(query, n.encoder.Channels)}
	mask, p := compare(s.score(object, 1), s.score(background, 0))
	return foundation.Answer(mask, n.Size, p, n.Size, e.H, e.W), nil
}

// split gives the features of the side×side patches that show the object, and of those that show none.
func split(supports []foundation.Support, size, side, c int) (object, background []float32) {
	for _, s := range supports {
		neither := make([]uint8, len(s.Mask))
		for i, v := range s.Mask {
			if v == labelmap.Ignore {
				neither[i] = 1
			}
		}
		ignored := foundation.Patches(neither, size, side)
		for i, is := range s.Object {
			x := s.Features[i*c : (i+1)*c]
			switch {
			case is:
				object = append(object, x...)
			case !ignored[i]:
				background = append(background, x...)
			}
		}
	}
	return object, background
}

// compare gives for the scores of the object and of the background where the first is above the second,
// and the probability of that.
func compare(object, background []float32) (mask, p []float32) {
	mask, p = make([]float32, len(object)), make([]float32, len(object))
	for i, a := range object {
		b := background[i]
		if a > b {
			mask[i] = 1
		}
		p[i] = min(max(0.5+(a-b)/2, 0), 1)
	}
	return mask, p
}

// scorer compares a query with patches of supports.
type scorer struct {
	Settings
	p           foundation.Product
	side, c     int
	query, unit []float32 // [n,c] as the encoder gives them, and with length 1
}

// score is the score [S,S] of one kind of patches x [m,c], object (1) or background (0); −∞ everywhere if
// there are none.
func (s scorer) score(x []float32, kind uint64) []float32 {
	px := s.Size * s.Size
	largest := make([]float32, px)
	for i := range largest {
		largest[i] = float32(math.Inf(-1))
	}
	if len(x) == 0 {
		return largest
	}
	sum := make([]float32, px)
	maps := append(s.similar(s.kmeans(x, kind)), s.gram(x))
	for _, m := range maps {
		for i, v := range foundation.Bilinear(m, s.side, s.side, s.Size, s.Size) {
			sum[i] += v
			largest[i] = max(largest[i], v)
		}
	}
	for i, v := range largest {
		sum[i] = v * (sum[i] / float32(len(maps)))
	}
	return sum
}

// similar is a map of cos(q, c_j) for every prototype c_j [k,c] of length 1.
func (s scorer) similar(prototypes []float32) [][]float32 {
	n := len(s.unit) / s.c
	maps := make([][]float32, len(prototypes)/s.c)
	for j := range maps {
		maps[j] = make([]float32, n)
	}
	s.p.Times(s.unit, prototypes, s.c, func(first int, values []float32) {
		for i, v := range values {
			maps[i%len(maps)][first+i/len(maps)] = v
		}
	})
	return maps
}

// gram is the map of qᵀ·G·q, which is the mean of (q·x̂)² over the patches x, from 0 to 1.
func (s scorer) gram(x []float32) []float32 {
	n, m := len(s.query)/s.c, len(x)/s.c
	out := make([]float32, n)
	s.p.Times(s.query, foundation.Normalized(x, s.c), s.c, func(first int, values []float32) {
		for i := range len(values) / m {
			sum := 0.0
			for _, v := range values[i*m : (i+1)*m] {
				sum += float64(v) * float64(v)
			}
			out[first+i] = float32(sum / float64(m))
		}
	})
	least, most := slices.Min(out), slices.Max(out)
	for i, v := range out {
		out[i] = (v - least) / (most - least + 1e-8)
	}
	return out
}
