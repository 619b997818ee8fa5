package optest

import (
	"fmt"
	"math"

	"hdmnet/internal/golden"
	"hdmnet/internal/op"
)

// batchNorm is the definition with given statistics of every channel.
func batchNorm(x, w, b, mean, variance []float64, eps float64) []float64 {
	c := len(w)
	y := make([]float64, len(x))
	for i, v := range x {
		k := i % c
		y[i] = (v-mean[k])/math.Sqrt(variance[k]+eps)*w[k] + b[k]
	}
	return y
}

// channelStatistics returns the mean and the biased variance of every channel.
func channelStatistics(x []float64, c int) (mean, variance []float64) {
	n := float64(len(x) / c)
	mean, variance = make([]float64, c), make([]float64, c)
	for i, v := range x {
		mean[i%c] += v / n
	}
	for i, v := range x {
		variance[i%c] += (v - mean[i%c]) * (v - mean[i%c]) / n
	}
	return mean, variance
}

const batchNormEps, batchNormMomentum = 1e-5, 0.1

func testBatchNorm(s *suite) {
	for _, sh := range [][]int{{2, 1, 1, 1}, {1, 3, 5, 2}, {3, 7, 9, 5}, {2, 43, 17, 33}, {1, 6, 5, 66}, {2, 2, 3, 257}} {
		n, c := size(sh), sh[len(sh)-1]
		what := fmt.Sprint(sh)
		x, w, b := random("bn x"+what, n, 2), random("bn w"+what, c, 1), random("bn b"+what, c, 1)
		for i := range x {
			x[i] = float64(float32(x[i] + 3)) // away from zero: E[x²]−E[x]² shows
		}
		mean, variance := random("bn m"+what, c, 1), random("bn v"+what, c, 0.5)
		for i := range variance {
			variance[i]++
		}
		dy := random("bn dy"+what, n, 1)
		s.batchNormFrozen(what, sh, x, w, b, mean, variance, dy)
		s.batchNormTrain(what, sh, x, w, b, dy)
	}
	s.goldenBatchNorm()
}

func (s *suite) batchNormFrozen(what string, sh []int, x, w, b, mean, variance, dy []float64) {
	s.Helper()
	what += " frozen"
	c := len(w)
	tx, tw, tm, tv, tdy := s.tensor(x, sh...), s.tensor(w, c), s.tensor(mean, c), s.tensor(variance, c), s.tensor(dy, sh...)
	y := s.output(sh...)
	s.dev.BatchNormFrozen(y, tx, tw, s.tensor(b, c), tm, tv, batchNormEps)
	s.near(what, y, batchNorm(x, w, b, mean, variance, batchNormEps))
	dx, dw, db := s.gradient(sh...), s.gradient(c), s.gradient(c)
	s.dev.BatchNormFrozenGrad(dx, dw, db, tdy, tx, tw, tm, tv, batchNormEps)
	loss := func() float64 { return dot(dy, batchNorm(x, w, b, mean, variance, batchNormEps)) }
	s.finiteDifferences(what+": x", dx, x, loss)
	s.finiteDifferences(what+": w", dw, w, loss)
	s.finiteDifferences(what+": b", db, b, loss)
	dx2, db2 := s.gradient(sh...), s.gradient(c)
	s.dev.BatchNormFrozenGrad(dx2, nil, nil, tdy, tx, tw, tm, tv, batchNormEps)
	s.dev.BatchNormFrozenGrad(nil, nil, db2, tdy, tx, tw, tm, tv, batchNormEps)
	s.same(what+": dx alone", dx2, dx)
	s.same(what+": db alone", db2, db)
}

func (s *suite) batchNormTrain(what string, sh []int, x, w, b, dy []float64) {
	s.Helper()
	what += " train"
	c, n := len(w), len(x)/len(w)
	tx, tw, tdy := s.tensor(x, sh...), s.tensor(w, c), s.tensor(dy, sh...)
	y, mean, rstd := s.output(sh...), s.output(c), s.output(c)
	runMean, runVar := s.tensor(repeat(0.5, c), c), s.tensor(repeat(2, c), c)
	s.dev.BatchNormTrain(y, mean, rstd, runMean, runVar, tx, tw, s.tensor(b, c), batchNormEps, batchNormMomentum)
	m, v := channelStatistics(x, c)
	var wantRstd, wantMean, wantVar []float64
	for k := range c {
		wantRstd = append(wantRstd, 1/math.Sqrt(v[k]+batchNormEps))
		wantMean = append(wantMean, 0.9*0.5+0.1*m[k])
		wantVar = append(wantVar, 0.9*2+0.1*v[k]*float64(n)/float64(n-1))
	}
	// Few positions may lie close together: the division by a small deviation magnifies
	// the rounding of x − mean.
	s.nearTol(what, s.values(y), batchNorm(x, w, b, m, v, batchNormEps), 1e-4, rtol)
	s.near(what+": mean", mean, m)
	s.nearTol(what+": rstd", s.values(rstd), wantRstd, atol, 1e-4)
	s.near(what+": running mean", runMean, wantMean)
	s.near(what+": running variance", runVar, wantVar)

	dx, dw, db := s.gradient(sh...), s.gradient(c), s.gradient(c)
	s.dev.BatchNormTrainGrad(dx, dw, db, tdy, tx, tw, mean, rstd)
	loss := func() float64 {
		m, v := channelStatistics(x, c)
		return dot(dy, batchNorm(x, w, b, m, v, batchNormEps))
	}
	s.finiteDifferences(what+": x", dx, x, loss)
	s.finiteDifferences(what+": w", dw, w, loss)
	s.finiteDifferences(what+": b", db, b, loss)
	dw2 := s.gradient(c)
	s.dev.BatchNormTrainGrad(nil, dw2, nil, tdy, tx, tw, mean, rstd)
	s.same(what+": dw alone", dw2, dw)
}

func (s *suite) goldenBatchNorm() {
	s.Helper()
	f := golden.Load(s.T, "ops.safetensors")
	const name = "batch_norm_train"
	x, shape := goldenMap(f, name+".in.x")
	cotangent, _ := goldenMap(f, name+".cotangent.y")
	vector := func(part string) []float64 { v, _ := f.Float32(name + "." + part); return widen(v) }
	c := shape[3]
	tx, tw, tb := s.tensor(x, shape...), s.tensor(vector("in.w"), c), s.tensor(vector("in.b"), c)
	y, mean, rstd := s.output(shape...), s.output(c), s.output(c)
	runMean, runVar := s.tensor(repeat(0, c), c), s.tensor(repeat(1, c), c)
	s.dev.BatchNormTrain(y, mean, rstd, runMean, runVar, tx, tw, tb, batchNormEps, batchNormMomentum)
	want, _ := goldenMap(f, name+".out.y")
	s.near("golden", y, want)
	s.near("golden running mean", runMean, vector("out.running_mean"))
	s.near("golden running variance", runVar, vector("out.running_var"))
	dx, dw, db := s.gradient(shape...), s.gradient(c), s.gradient(c)
	s.dev.BatchNormTrainGrad(dx, dw, db, s.tensor(cotangent, shape...), tx, tw, mean, rstd)
	want, _ = goldenMap(f, name+".grad.x")
	s.nearGradient("golden x", dx, want)
	for part, got := range map[string]op.Tensor{"w": dw, "b": db} {
		s.nearGradient("golden "+part, got, vector("grad."+part))
	}
}
