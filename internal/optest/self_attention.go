package optest

import (
	"fmt"
	"math"

	"hdmnet/internal/golden"
)

// attentionShape is B samples of N queries and M keys in heads.
type attentionShape struct{ b, n, m, c, heads int }

// selfAttention is the definition.
func selfAttention(sh attentionShape, q, k, v []float64) (y, lse []float64) {
	y, lse = make([]float64, sh.b*sh.n*sh.c), make([]float64, sh.b*sh.heads*sh.n)
	d := sh.c / sh.heads
	for b := range sh.b {
		for h := range sh.heads {
			row := func(x []float64, n, i int) []float64 {
				at := (b*n+i)*sh.c + h*d
				return x[at : at+d]
			}
			score := make([]float64, sh.m)
			for i := range sh.n {
				top := math.Inf(-1)
				for j := range sh.m {
					score[j] = dot(row(q, sh.n, i), row(k, sh.m, j)) / (math.Sqrt(float64(d)) + 1e-9)
					top = max(top, score[j])
				}
				z := 0.0
				for j := range sh.m {
					z += math.Exp(score[j] - top)
				}
				for j := range sh.m {
					a := math.Exp(score[j]-top) / z
					for c, x := range row(v, sh.m, j) {
						row(y, sh.n, i)[c] += a * x
					}
				}
				lse[(b*sh.heads+h)*sh.n+i] = top + math.Log(z)
			}
		}
	}
	return y, lse
}

func testSelfAttention(s *suite) {
	for i, sh := range []attentionShape{
		{1, 1, 1, 2, 1}, {2, 7, 5, 6, 3}, {1, 3, 1, 4, 2}, {1, 20, 36, 16, 2}, {2, 33, 67, 66, 2}, {1, 65, 150, 64, 8}, {1, 130, 62, 5, 1}, {3, 61, 5, 24, 4},
		// The network's heads of 32 and 16 channels; many queries.
		{1, 45, 70, 64, 2}, {1, 530, 9, 32, 2},
	} {
		s.attentionCase(fmt.Sprintf("%+v", sh), sh, 1, i)
	}
	// Scores of ±100 and more: exp overflows without the running maximum, and rows of
	// the first block of keys are far below those of the last.
	s.attentionCase("large scores", attentionShape{1, 20, 140, 8, 2}, 10, 99)
	s.attentionOfNegativeScores()
	s.goldenSelfAttention()
}

func (s *suite) attentionCase(what string, sh attentionShape, scale float64, seed int) {
	s.Helper()
	name := fmt.Sprint("self attention ", seed)
	q, k, v := random(name+"q", sh.b*sh.n*sh.c, scale), random(name+"k", sh.b*sh.m*sh.c, scale), random(name+"v", sh.b*sh.m*sh.c, 1)
	dy := random(name+"dy", len(q), 1)
	y, lse := s.output(sh.b, sh.n, sh.c), s.output(sh.b, sh.heads, sh.n)
	tq, tk, tv := s.tensor(q, sh.b, sh.n, sh.c), s.tensor(k, sh.b, sh.m, sh.c), s.tensor(v, sh.b, sh.m, sh.c)
	s.dev.SelfAttention(y, lse, tq, tk, tv, sh.heads)
	wantY, wantLSE := selfAttention(sh, q, k, v)
	// A score's rounding error grows with it, and moves the weights as much.
	s.nearTol(what+": y", s.values(y), wantY, atol*scale, rtol)
	s.near(what+": lse", lse, wantLSE)
	noGrad := s.output(sh.b, sh.n, sh.c)
	s.dev.SelfAttention(noGrad, nil, tq, tk, tv, sh.heads)
	s.same(what+": y without lse", noGrad, y)

	tdy := s.tensor(dy, sh.b, sh.n, sh.c)
	dq, dk, dv := s.gradient(sh.b, sh.n, sh.c), s.gradient(sh.b, sh.m, sh.c), s.gradient(sh.b, sh.m, sh.c)
	s.dev.SelfAttentionGrad(dq, dk, dv, tdy, y, lse, tq, tk, tv, sh.heads)
	loss := func() float64 {
		y, _ := selfAttention(sh, q, k, v)
		return dot(y, dy)
	}
	if sh.m == 1 {
		// The weight of a single key is 1 whatever the score: what is left is rounding.
		s.near(what+": dq of one key", dq, repeat(gradStart, len(q)))
		s.near(what+": dk of one key", dk, repeat(gradStart, len(k)))
	} else {
		s.finiteDifferences(what+": q", dq, q, loss)
		s.finiteDifferences(what+": k", dk, k, loss)
	}
	s.finiteDifferences(what+": v", dv, v, loss)

	// One gradient alone is the same as all together.
	onlyQ, onlyK, onlyV := s.gradient(sh.b, sh.n, sh.c), s.gradient(sh.b, sh.m, sh.c), s.gradient(sh.b, sh.m, sh.c)
	s.dev.SelfAttentionGrad(onlyQ, nil, nil, tdy, y, lse, tq, tk, tv, sh.heads)
	s.dev.SelfAttentionGrad(nil, onlyK, nil, tdy, y, lse, tq, tk, tv, sh.heads)
	s.dev.SelfAttentionGrad(nil, nil, onlyV, tdy, y, lse, tq, tk, tv, sh.heads)
	s.same(what+": dq alone", onlyQ, dq)
	s.same(what+": dk alone", onlyK, dk)
	s.same(what+": dv alone", onlyV, dv)
}

// attentionOfNegativeScores: every score is below −100, so that exp(s) is 0 and
// exp(−lse) is infinite in float32.
func (s *suite) attentionOfNegativeScores() {
	sh := attentionShape{1, 9, 7, 4, 1}
	q, k, v, dy := random("nq", 36, 1), random("nk", 28, 1), random("nv", 28, 1), random("ndy", 36, 1)
	for i := range q {
		q[i] += 20
	}
	for i := range k {
		k[i] -= 10
	}
	y, lse := s.output(1, 9, 4), s.output(1, 1, 9)
	tq, tk, tv := s.tensor(q, 1, 9, 4), s.tensor(k, 1, 7, 4), s.tensor(v, 1, 7, 4)
	s.dev.SelfAttention(y, lse, tq, tk, tv, 1)
	want, _ := selfAttention(sh, q, k, v)
	// Scores of −400 are rounded to 3e-5.
	s.nearTol("negative scores: y", s.values(y), want, 1e-4, 1e-4)
	dq := s.gradient(1, 9, 4)
	dk, dv := s.gradient(1, 7, 4), s.gradient(1, 7, 4)
	s.dev.SelfAttentionGrad(dq, dk, dv, s.tensor(dy, 1, 9, 4), y, lse, tq, tk, tv, 1)
	for what, g := range map[string][]float64{"dq": s.values(dq), "dk": s.values(dk), "dv": s.values(dv)} {
		for i, x := range g {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				s.Errorf("negative scores: %s[%d] is %g", what, i, x)
				break
			}
		}
	}
}

func (s *suite) goldenSelfAttention() {
	s.Helper()
	const b, n, m, c, heads = 2, 20, 9, 16, 2
	p := projected{s, golden.Load(s.T, "ops.safetensors"), "self_attention", c}
	xq, xkv := p.read("in.q"), p.read("in.kv")
	q, k, v := s.tensor(p.forward(xq, "wq"), b, n, c), s.tensor(p.forward(xkv, "wk"), b, m, c), s.tensor(p.forward(xkv, "wv"), b, m, c)
	y, lse := s.output(b, n, c), s.output(b, heads, n)
	s.dev.SelfAttention(y, lse, q, k, v, heads)
	out := s.values(y)
	s.nearTol("self_attention y", p.forward(out, "wo"), p.read("out.y"), atol, rtol)

	dout := p.read("cotangent.y")
	dq, dk, dv := s.gradient(b, n, c), s.gradient(b, m, c), s.gradient(b, m, c)
	s.dev.SelfAttentionGrad(dq, dk, dv, s.tensor(p.input(dout, "wo"), b, n, c), y, lse, q, k, v, heads)
	gq, gk, gv := added(s.values(dq)), added(s.values(dk)), added(s.values(dv))
	p.gradient("q", p.input(gq, "wq"))
	p.gradient("kv", plus(p.input(gk, "wk"), p.input(gv, "wv")))
	p.gradient("wq", p.weight(gq, xq))
	p.gradient("wk", p.weight(gk, xkv))
	p.gradient("wv", p.weight(gv, xkv))
	p.gradient("wo", p.weight(dout, out))
}
