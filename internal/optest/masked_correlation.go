package optest

import (
	"fmt"
	"math"

	"hdmnet/internal/golden"
)

// correlationShape is B samples of N query and M support positions in heads.
type correlationShape struct{ b, n, m, c, heads int }

// large shapes are tested with one mask and one cotangent: they are slow in float64.
func (sh correlationShape) large() bool { return sh.b*sh.n*sh.m > 4000 }

// maskedCorrelation is the definition.
func maskedCorrelation(sh correlationShape, q, k, v, mask []float64) (y, corr, colSum []float64) {
	y, corr = make([]float64, sh.b*sh.n*sh.c), make([]float64, sh.b*sh.n)
	colSum = make([]float64, sh.b*sh.heads*sh.m)
	d := sh.c / sh.heads
	for b := range sh.b {
		m := mask[b*sh.m : (b+1)*sh.m]
		count := 1e-9
		for _, x := range m {
			count += x
		}
		for h := range sh.heads {
			row := func(x []float64, n, i int) []float64 {
				at := (b*n+i)*sh.c + h*d
				return x[at : at+d]
			}
			for j := range sh.m {
				if m[j] == 0 {
					continue
				}
				kj, z := row(k, sh.m, j), 0.0
				e := make([]float64, sh.n)
				for i := range sh.n {
					qi := row(q, sh.n, i)
					score := dot(qi, kj) / max(norm(qi), 1e-12) / max(norm(kj), 1e-12) / 0.1
					e[i] = math.Exp(score)
					z += e[i]
					corr[b*sh.n+i] += score / count / float64(sh.heads)
				}
				for i := range sh.n {
					for c, x := range row(v, sh.m, j) {
						row(y, sh.n, i)[c] += e[i] / z * x
					}
				}
				colSum[(b*sh.heads+h)*sh.m+j] = z
			}
		}
	}
	return y, corr, colSum
}

func testMaskedCorrelation(s *suite) {
	for i, sh := range []correlationShape{
		{1, 1, 1, 2, 1}, {2, 7, 5, 6, 3}, {1, 20, 36, 16, 2}, {2, 33, 67, 66, 2}, {1, 65, 150, 64, 8}, {1, 130, 62, 5, 1}, {3, 61, 5, 24, 1},
		// The network's heads of 32 channels; many queries; many supports.
		{1, 45, 130, 64, 2}, {1, 530, 9, 32, 2}, {1, 9, 530, 32, 2},
	} {
		for _, share := range []float64{0.3, 0, 1} {
			if share != 0.3 && sh.large() {
				continue
			}
			s.correlationCase(fmt.Sprintf("%+v foreground %g", sh, share), sh, share, 0, i)
		}
	}
	// A dy that is nearly the same at every query has a small gradient of k.
	s.correlationCase("common dy", correlationShape{1, 40, 30, 16, 2}, 0.3, 1000, 99)
	s.correlationOfZeros()
	s.goldenCorrelation("masked_correlation")
	s.goldenCorrelation("masked_correlation_empty_mask")
}

func (s *suite) correlationCase(what string, sh correlationShape, share, common float64, seed int) {
	s.Helper()
	name := fmt.Sprint("masked correlation ", seed)
	q, k, v := random(name+"q", sh.b*sh.n*sh.c, 1), random(name+"k", sh.b*sh.m*sh.c, 1), random(name+"v", sh.b*sh.m*sh.c, 1)
	dy, dcorr := random(name+"dy", len(q), 1), random(name+"dc", sh.b*sh.n, 1)
	for i := range dy {
		dy[i] = float64(float32(dy[i] + common))
	}
	mask := random(name+"m", sh.b*sh.m, 0.5)
	for i := range mask {
		mask[i] = math.Round(max(0, min(1, mask[i]+share)))
	}
	if share == 1 {
		for i := range mask {
			mask[i] = 1
		}
	}
	y, corr, colSum := s.output(sh.b, sh.n, sh.c), s.output(sh.b, sh.n), s.output(sh.b, sh.heads, sh.m)
	tq, tk, tv := s.tensor(q, sh.b, sh.n, sh.c), s.tensor(k, sh.b, sh.m, sh.c), s.tensor(v, sh.b, sh.m, sh.c)
	tm := s.tensor(mask, sh.b, sh.m)
	s.dev.MaskedCorrelation(y, corr, colSum, tq, tk, tv, tm, sh.heads)
	wantY, wantCorr, wantSum := maskedCorrelation(sh, q, k, v, mask)
	s.near(what+": y", y, wantY)
	s.near(what+": corr", corr, wantCorr)
	gotSum := s.values(colSum)
	for i := range gotSum {
		if b, j := i/(sh.heads*sh.m), i%sh.m; mask[b*sh.m+j] == 0 {
			gotSum[i] = 0 // undefined
		}
	}
	s.nearTol(what+": colSum", gotSum, wantSum, atol, rtol)

	tdy, tdc := s.tensor(dy, sh.b, sh.n, sh.c), s.tensor(dcorr, sh.b, sh.n)
	for _, part := range []string{"y and corr", "y", "corr"} {
		if part != "y and corr" && sh.large() {
			continue
		}
		ady, adc := tdy, tdc
		switch part {
		case "y":
			adc = nil
		case "corr":
			ady = nil
		}
		dq, dk, dv := s.gradient(sh.b, sh.n, sh.c), s.gradient(sh.b, sh.m, sh.c), s.gradient(sh.b, sh.m, sh.c)
		s.dev.MaskedCorrelationGrad(dq, dk, dv, ady, adc, colSum, tq, tk, tv, tm, sh.heads)
		loss := func() float64 {
			y, corr, _ := maskedCorrelation(sh, q, k, v, mask)
			total := 0.0
			if ady != nil {
				total += dot(y, dy)
			}
			if adc != nil {
				total += dot(corr, dcorr)
			}
			return total
		}
		if sh.n == 1 && part == "y" {
			// Softmax over one query is 1 whatever the score: what is left is rounding.
			s.near(what+": dq of one query", dq, repeat(gradStart, len(q)))
			s.near(what+": dk of one query", dk, repeat(gradStart, len(k)))
		} else {
			s.finiteDifferences(what+": q through "+part, dq, q, loss)
			s.finiteDifferences(what+": k through "+part, dk, k, loss)
		}
		s.finiteDifferences(what+": v through "+part, dv, v, loss)

		// One gradient alone is the same as all together.
		only := s.gradient(sh.b, sh.n, sh.c)
		s.dev.MaskedCorrelationGrad(only, nil, nil, ady, adc, colSum, tq, tk, tv, tm, sh.heads)
		s.same(what+": dq alone", only, dq)
		only = s.gradient(sh.b, sh.m, sh.c)
		s.dev.MaskedCorrelationGrad(nil, only, nil, ady, adc, colSum, tq, tk, tv, tm, sh.heads)
		s.same(what+": dk alone", only, dk)
	}
}

// correlationOfZeros: a vector of norm 0 scores 0 everywhere; its gradient is PyTorch's,
// 1e12 times that of the unit vector.
func (s *suite) correlationOfZeros() {
	sh := correlationShape{1, 4, 3, 4, 2}
	q, k, v := random("zq", 16, 1), random("zk", 12, 1), random("zv", 12, 1)
	copy(q[4:8], []float64{0, 0, 0, 0})
	copy(k[2:4], []float64{0, 0})
	dy, mask := random("zdy", 16, 1), []float64{1, 0, 1}
	y, corr, colSum := s.output(1, 4, 4), s.output(1, 4), s.output(1, 2, 3)
	tq, tk, tv, tm := s.tensor(q, 1, 4, 4), s.tensor(k, 1, 3, 4), s.tensor(v, 1, 3, 4), s.tensor(mask, 1, 3)
	s.dev.MaskedCorrelation(y, corr, colSum, tq, tk, tv, tm, 2)
	want, _, _ := maskedCorrelation(sh, q, k, v, mask)
	s.near("a query of norm 0", y, want)

	dq := s.gradient(1, 4, 4)
	s.dev.MaskedCorrelationGrad(dq, nil, nil, s.tensor(dy, 1, 4, 4), nil, colSum, tq, tk, tv, tm, 2)
	const step = 1e-16 // well below the clamp at 1e-12, where q̂ = 1e12·q
	var slope []float64
	for i := 4; i < 8; i++ {
		q[i] = step
		up, _, _ := maskedCorrelation(sh, q, k, v, mask)
		q[i] = -step
		down, _, _ := maskedCorrelation(sh, q, k, v, mask)
		q[i] = 0
		slope = append(slope, (dot(up, dy)-dot(down, dy))/(2*step))
	}
	s.nearTol("gradient of a query of norm 0", s.values(dq)[4:8], slope, 1e-4*scaleOf(slope), 1e-4)
}

func (s *suite) goldenCorrelation(name string) {
	s.Helper()
	const b, n, m, c, heads = 2, 20, 36, 16, 2
	p := projected{s, golden.Load(s.T, "ops.safetensors"), name, c}
	xq, xs := p.read("in.q"), p.read("in.s")
	q, k, v := s.tensor(p.forward(xq, "wq"), b, n, c), s.tensor(p.forward(xs, "wk"), b, m, c), s.tensor(p.forward(xs, "wv"), b, m, c)
	mask := s.tensor(p.read("in.mask"), b, m)
	y, corr, colSum := s.output(b, n, c), s.output(b, n), s.output(b, heads, m)
	s.dev.MaskedCorrelation(y, corr, colSum, q, k, v, mask, heads)
	out := s.values(y)
	s.nearTol(name+" y", p.forward(out, "wo"), p.read("out.y"), atol, rtol)
	s.near(name+" correlation_map", corr, p.read("out.correlation_map"))

	dout := p.read("cotangent.y")
	dy, dcorr := s.tensor(p.input(dout, "wo"), b, n, c), s.tensor(p.read("cotangent.correlation_map"), b, n)
	dq, dk, dv := s.gradient(b, n, c), s.gradient(b, m, c), s.gradient(b, m, c)
	s.dev.MaskedCorrelationGrad(dq, dk, dv, dy, dcorr, colSum, q, k, v, mask, heads)
	gq, gk, gv := added(s.values(dq)), added(s.values(dk)), added(s.values(dv))
	p.gradient("q", p.input(gq, "wq"))
	p.gradient("s", plus(p.input(gk, "wk"), p.input(gv, "wv")))
	p.gradient("wq", p.weight(gq, xq))
	p.gradient("wk", p.weight(gk, xs))
	p.gradient("wv", p.weight(gv, xs))
	p.gradient("wo", p.weight(dout, out))
}
