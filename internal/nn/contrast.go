package nn

import (
	"math"

	"hdmnet/internal/op"
)

// Contrast returns how much more the positions of x [B,...,C] resemble the foreground, of
// mean fg [B,C], than the background, of mean bg [B,C]: op.Contrast's difference [B,N].
func (t *Tape) Contrast(x, fg, bg *Var) *Var {
	b, c := x.Value.Shape()[0], op.Last(x.Value)
	n := op.Len(x.Value) / b / c
	y := t.out(b, n)
	cosines, extremes := t.Arena.Float32(b, n, 2), t.Arena.Float32(b, 4)
	t.Dev.Contrast(nil, y.Value, cosines, extremes, x.Value, fg.Value, bg.Value)
	t.record(step{y: y, in: [3]*Var{x, fg, bg}, saved: [3]op.Tensor{cosines, extremes}, back: func(t *Tape, s *step, dy op.Tensor) {
		x, fg, bg := s.in[0], s.in[1], s.in[2]
		t.Dev.ContrastGrad(t.Grad(x), t.Grad(fg), t.Grad(bg), dy, s.saved[0], s.saved[1], x.Value, fg.Value, bg.Value)
	}})
	if !t.recording {
		t.Arena.Free(cosines)
		t.Arena.Free(extremes)
	}
	return y
}

// Pivot returns op.Pivot's vectors [B,C] of scores s [B,N], values v [B,N,C] and fg [B,C].
func (t *Tape) Pivot(s, v, fg *Var) *Var {
	y := t.like(fg)
	weights, region := t.Arena.Float32(s.Value.Shape()...), t.Arena.Float32(fg.Value.Shape()...)
	t.Dev.Pivot(y.Value, weights, region, s.Value, v.Value, fg.Value)
	t.record(step{y: y, in: [3]*Var{s, v, fg}, saved: [3]op.Tensor{weights, region}, back: func(t *Tape, s *step, dy op.Tensor) {
		score, v, fg := s.in[0], s.in[1], s.in[2]
		t.Dev.PivotGrad(t.Grad(score), t.Grad(v), t.Grad(fg), dy, s.saved[0], s.saved[1], v.Value, fg.Value)
	}})
	if !t.recording {
		t.Arena.Free(weights)
		t.Arena.Free(region)
	}
	return y
}

// ApartAttention is SelfAttention of q [B,N,C] over k, v [B,M,C] with penalty·(is_i·isNot_j)
// taken from the score of query i and key j: is [B,N,G] says which groups a query is in,
// isNot [B,M,G] which ones a key is kept apart from. Every head gets G more channels,
// −penalty·√(d+G)·is in the queries and isNot in the keys, whose products are the penalty. is and isNot are given
// away: they are freed where nothing records.
func (t *Tape) ApartAttention(q, k, v *Var, is, isNot op.Tensor, penalty float32, heads int) *Var {
	s, groups := q.Value.Shape(), op.Last(is)
	b, n, d := s[0], s[1], s[2]/heads
	scale := math.Sqrt(float64(d+groups)) + 1e-9 // what SelfAttention divides scores by
	scaled := t.Scale(q, float32(scale/(math.Sqrt(float64(d))+1e-9)))
	penalties := t.Arena.Zeros(is.Shape()...)
	t.Dev.AddScaled(penalties, is, -penalty*float32(scale))
	wide := func(x *Var, extra op.Tensor) *Var { // [B,·,heads·(d+G)]
		tokens := x.Value.Shape()[1]
		y := t.Concat(t.Reshape(x, b*tokens, heads, d), t.Const(t.Arena.Reshape(extra, b*tokens, groups)))
		return t.Reshape(y, b, tokens, heads*(d+groups))
	}
	wq, wk, wv := wide(scaled, penalties), wide(k, isNot), wide(v, isNot)
	y := t.SelfAttention(wq, wk, wv, heads)
	sizes := t.sizes.take(2)
	sizes[0], sizes[1] = d, groups
	parts := t.split(t.Reshape(y, b*n, heads, d+groups), sizes)
	if !t.recording {
		t.Arena.Free(penalties)
		t.Arena.Free(is)
		t.Arena.Free(isNot)
	}
	t.Free(scaled, wq, wk, wv, y, parts[1])
	return t.Reshape(parts[0], b, n, heads*d)
}
