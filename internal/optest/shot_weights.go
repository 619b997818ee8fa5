package optest

import (
	"fmt"
	"math"
	"slices"
)

// shotWeights is the definition; w0 nil means uniform weights.
func shotWeights(b, k int, d, w0, b0, w1, b1 []float64) []float64 {
	psi := make([]float64, b)
	for i := range b {
		dist := d[i*k : (i+1)*k]
		e := slices.Clone(dist)
		slices.Sort(e)
		weight, z := repeat(1, k), float64(k)
		if w0 != nil {
			z = 0
			h0, h1 := max(0, dot(w0[:k], e)+b0[0]), max(0, dot(w0[k:], e)+b0[1])
			for j := range weight {
				weight[j] = math.Exp(w1[2*j]*h0 + w1[2*j+1]*h1 + b1[j])
				z += weight[j]
			}
		}
		psi[i] = dot(weight, dist) / z
	}
	return psi
}

func testShotWeights(s *suite) {
	for _, sh := range [][2]int{{1, 1}, {3, 1}, {1, 2}, {4, 5}, {2, 10}} {
		b, k := sh[0], sh[1]
		what := fmt.Sprint(sh)
		d, dpsi := random("d"+what, b*k, 1), random("dpsi"+what, b, 1)
		for i := range d {
			d[i] = math.Abs(d[i])
		}
		td, tdpsi := s.tensor(d, b, k), s.tensor(dpsi, b)
		psi := s.output(b)
		s.dev.ShotWeights(psi, td, nil, nil, nil, nil)
		s.near(what+" uniform", psi, shotWeights(b, k, d, nil, nil, nil, nil))

		w0, b0 := random("w0"+what, 2*k, 1), []float64{3, -0.05} // a unit that is on, and one near 0
		w1, b1 := random("w1"+what, 2*k, 1), random("b1"+what, k, 1)
		for i := range k {
			w0[k+i] = -math.Abs(w0[k+i]) * float64(b%2) // off for odd batches: its gradient is 0
		}
		p := func() []float64 { return shotWeights(b, k, d, w0, b0, w1, b1) }
		t0, tb0, t1, tb1 := s.tensor(w0, 2, k), s.tensor(b0, 2), s.tensor(w1, k, 2), s.tensor(b1, k)
		psi = s.output(b)
		s.dev.ShotWeights(psi, td, t0, tb0, t1, tb1)
		s.near(what, psi, p())
		dw0, db0, dw1, db1 := s.gradient(2, k), s.gradient(2), s.gradient(k, 2), s.gradient(k)
		s.dev.ShotWeightsGrad(dw0, db0, dw1, db1, tdpsi, td, t0, tb0, t1, tb1)
		loss := func() float64 { return dot(p(), dpsi) }
		s.finiteDifferences(what+": w0", dw0, w0, loss)
		s.finiteDifferences(what+": b0", db0, b0, loss)
		s.finiteDifferences(what+": w1", dw1, w1, loss)
		s.finiteDifferences(what+": b1", db1, b1, loss)
		only := s.gradient(k)
		s.dev.ShotWeightsGrad(nil, nil, nil, only, tdpsi, td, t0, tb0, t1, tb1)
		s.same(what+": db1 alone", only, db1)
	}
}
