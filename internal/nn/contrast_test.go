package nn

import (
	"math"
	"math/rand/v2"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/op"
)

// TestApartAttention: attention whose scores lack the penalty where a query is in a group that
// a key is kept apart from, against plain loops; tokens of no group attend to all.
func TestApartAttention(t *testing.T) {
	const b, n, m, heads, d, groups, penalty = 2, 7, 5, 2, 3, 2, 100
	const c = heads * d
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	tape, r := NewTape(dev), rand.New(rand.NewPCG(1, 2))
	defer tape.Arena.Close()
	tape.Begin(true, 0)
	values := func(shape ...int) ([]float32, *Var) {
		x := tape.Arena.Float32(shape...)
		v := make([]float32, op.Len(x))
		for i := range v {
			v[i] = 2*r.Float32() - 1
		}
		dev.Upload(x, v)
		return v, tape.value(Var{Value: x})
	}
	q, tq := values(b, n, c)
	k, tk := values(b, m, c)
	v, tv := values(b, m, c)
	// Sample 0 has both groups among its keys and queries of none; sample 1 has keys of the
	// second group alone, so that the penalty of the first is the same for all keys.
	is, isNot := make([]float32, b*n*groups), make([]float32, b*m*groups)
	for i := range b * n {
		if group := i % 3; group < groups {
			is[i*groups+group] = 1
		}
	}
	for j := range b * m {
		group := j % 2
		if j >= m {
			group = 1
		}
		isNot[j*groups+1-group] = 1
	}
	ti, tn := tape.Arena.Float32(b, n, groups), tape.Arena.Float32(b, m, groups)
	dev.Upload(ti, is)
	dev.Upload(tn, isNot)
	y := tape.ApartAttention(tq, tk, tv, ti, tn, penalty, heads)
	got := make([]float32, b*n*c)
	dev.Download(got, y.Value)
	for i := range b * n {
		for h := range heads {
			var weights [m]float64
			sum := 0.0
			for j := range m {
				score := 0.0
				for x := range d {
					score += float64(q[i*c+h*d+x]) * float64(k[(i/n*m+j)*c+h*d+x])
				}
				score /= math.Sqrt(d)
				for g := range groups {
					score -= penalty * float64(is[i*groups+g]*isNot[(i/n*m+j)*groups+g])
				}
				weights[j] = math.Exp(score)
				sum += weights[j]
			}
			for x := range d {
				want := 0.0
				for j := range m {
					want += weights[j] / sum * float64(v[(i/n*m+j)*c+h*d+x])
				}
				if at := i*c + h*d + x; math.Abs(float64(got[at])-want) > 2e-5 { // of a score of −100 float32 keeps 4e-6
					t.Errorf("element %d is %g, want %g", at, got[at], want)
				}
			}
		}
	}
}
