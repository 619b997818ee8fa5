package optest

import (
	"fmt"
	"math"
)

// pivot is the definition for b samples of n positions: y, weights and region.
func pivot(b, n, c int, score, v, fg []float64) (y, weights, region []float64) {
	y, weights, region = make([]float64, b*c), make([]float64, b*n), make([]float64, b*c)
	for i := range b {
		w, sum := weights[i*n:(i+1)*n], 0.0
		for j := range w {
			x := score[i*n+j]
			if x < 0 {
				x -= 100
			}
			w[j] = math.Exp(x)
			sum += w[j]
		}
		q, f := region[i*c:(i+1)*c], fg[i*c:(i+1)*c]
		for j := range w {
			w[j] /= sum
			for k := range q {
				q[k] += w[j] * v[(i*n+j)*c+k]
			}
		}
		t := (1 + dot(q, f)/(math.Sqrt(dot(q, q)*dot(f, f))+1e-7)) / 2
		for k := range q {
			y[i*c+k] = t*f[k] + (1-t)*q[k]
		}
	}
	return y, weights, region
}

func testPivot(s *suite) {
	for _, sh := range [][3]int{{1, 1, 1}, {2, 15, 7}, {3, 169, 64}, {1, 3600, 64}, {2, 257, 130}} {
		for _, kind := range []string{"both", "all background", "no foreground"} {
			what := fmt.Sprint(sh, " ", kind)
			b, n, c := sh[0], sh[1], sh[2]
			score, v, fg, dy := random("s"+what, b*n, 1), random("v"+what, b*n*c, 1), random("fg"+what, b*c, 1), random("dy"+what, b*c, 1)
			switch kind {
			case "all background": // the penalty of all is that of none
				for i := range score {
					score[i] = -1e-3 - math.Abs(score[i])
				}
			case "no foreground":
				clear(fg)
			}
			ts, tv, tf := s.tensor(score, b, n), s.tensor(v, b, n, c), s.tensor(fg, b, c)
			y, weights, region := s.output(b, c), s.output(b, n), s.output(b, c)
			s.dev.Pivot(y, weights, region, ts, tv, tf)
			wantY, wantWeights, wantRegion := pivot(b, n, c, score, v, fg)
			s.near(what+": weights", weights, wantWeights)
			s.near(what+": region", region, wantRegion)
			s.near(what, y, wantY)

			ds, dv, df, g := s.gradient(b, n), s.gradient(b, n, c), s.gradient(b, c), s.tensor(dy, b, c)
			s.dev.PivotGrad(ds, dv, df, g, weights, region, tv, tf)
			loss := func() float64 {
				y, _, _ := pivot(b, n, c, score, v, fg)
				return dot(dy, y)
			}
			s.finiteDifferences(what+": scores", ds, score, loss)
			s.finiteDifferences(what+": values", dv, v, loss)
			if kind == "no foreground" { // of a vector of zeros the cosine has no gradient
				want := make([]float64, b*c)
				for i := range want {
					want[i] = dy[i] / 2
				}
				s.nearGradient(what+": foreground", df, want)
			} else {
				s.finiteDifferences(what+": foreground", df, fg, loss)
			}
			onlyS, onlyV, onlyF := s.gradient(b, n), s.gradient(b, n, c), s.gradient(b, c)
			s.dev.PivotGrad(onlyS, nil, nil, g, weights, region, tv, tf)
			s.dev.PivotGrad(nil, onlyV, nil, g, weights, region, tv, tf)
			s.dev.PivotGrad(nil, nil, onlyF, g, weights, region, tv, tf)
			s.nearTol(what+": scores alone", s.values(onlyS), s.values(ds), 1e-30, 0)
			s.nearTol(what+": values alone", s.values(onlyV), s.values(dv), 1e-30, 0)
			s.nearTol(what+": foreground alone", s.values(onlyF), s.values(df), 1e-30, 0)
		}
	}
}
