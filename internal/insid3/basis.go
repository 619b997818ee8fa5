package insid3

import (
	"errors"

	"gonum.org/v1/gonum/mat"
)

// projector is I − U·Uᵀ [C,C], where U [C,r] are the first r left singular vectors of the centered
// features [n,C] of a picture that shows nothing: what differs between its patches is their place.
// The singular value decomposition is in float64; it takes memory for 2·n·C + 2·C² numbers, and for
// n = 4096, C = 1024 about as long as the encoder.
func projector(features []float32, c, r int) ([]float32, error) {
	n := len(features) / c
	mean := make([]float64, c)
	for i, v := range features {
		mean[i%c] += float64(v) / float64(n)
	}
	e := mat.NewDense(c, n, nil)
	for i, v := range features {
		e.Set(i%c, i/c, float64(v)-mean[i%c])
	}
	var svd mat.SVD
	if !svd.Factorize(e, mat.SVDThinU) {
		return nil, errors.New("insid3: the features of a black picture have no singular value decomposition: the encoder gives NaN, or its weights are damaged")
	}
	var u mat.Dense
	svd.UTo(&u)
	basis := u.Slice(0, c, 0, min(r, n))
	var p mat.Dense
	p.Mul(basis, basis.T())
	out := make([]float32, c*c)
	for i := range out {
		v := -p.At(i/c, i%c)
		if i/c == i%c {
			v++
		}
		out[i] = float32(v)
	}
	return out, nil
}
