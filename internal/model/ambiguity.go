package model

import (
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// Ambiguity elimination: AENet (Xu et al., ECCV 2024), from the formulas of the paper. The
// supports come whole to the backbone; what resembles their foreground and their background
// alike counts less, in the prior and before every matching layer.

// apartPenalty is taken from the score of a token of the foreground and one of the background
// in the supports' self-attention.
const apartPenalty = 100

// sides are the foreground and the background of supports, each [B·K,H,W,1] of 0 and 1;
// ignored pixels are in neither. bg is nil where only the foreground is wanted.
type sides struct{ fg, bg op.Tensor }

// each applies f to both sides.
func (s sides) each(f func(op.Tensor) op.Tensor) sides {
	s.fg = f(s.fg)
	if s.bg != nil {
		s.bg = f(s.bg)
	}
	return s
}

// resized returns the sides at h×w, by the nearest pixel.
func (s sides) resized(t *nn.Tape, h, w int) sides {
	return s.each(func(m op.Tensor) op.Tensor {
		near := t.Arena.Float32(m.Shape()[0], h, w, 1)
		t.Dev.ResizeNearest(near, m)
		return near
	})
}

// shot returns the sides of one of k shots of b samples.
func (s sides) shot(t *nn.Tape, b, k, shot int) sides {
	return s.each(func(all op.Tensor) op.Tensor {
		one := t.Arena.Float32(append([]int{b}, all.Shape()[1:]...)...)
		for i := range b {
			t.Dev.Copy(t.Arena.Rows(one, i, i+1), t.Arena.Rows(all, i*k+shot, i*k+shot+1))
		}
		return one
	})
}

func (s sides) free(t *nn.Tape) {
	s.each(func(m op.Tensor) op.Tensor {
		t.Arena.Free(m)
		return nil
	})
}

// contrastPrior returns similarity and contrast of the query with the supports as the two
// channels of one map [B,h,w,2]: of f5 or f4, in every shot the one whose best cosine with
// the foreground is larger. f holds b queries and then the supports, near their sides.
func contrastPrior(t *nn.Tape, f features, near sides, b int) *nn.Var {
	s := f.f4.Value.Shape()
	images, h, w := s[0]-b, s[1], s[2]
	var similarity, difference, extremes [2]op.Tensor
	for i, x := range [2]*nn.Var{f.f5, f.f4} {
		c := op.Last(x.Value)
		query, support := t.Arena.Rows(x.Value, 0, b), t.Arena.Rows(x.Value, b, b+images)
		fg, bg := t.Arena.Float32(images, c), t.Arena.Float32(images, c)
		t.Dev.MaskedAveragePool(fg, support, t.Arena.Reshape(near.fg, images, h, w))
		t.Dev.MaskedAveragePool(bg, support, t.Arena.Reshape(near.bg, images, h, w))
		similarity[i], difference[i], extremes[i] = t.Arena.Float32(images, h*w), t.Arena.Float32(images, h*w), t.Arena.Float32(images, 4)
		cosines := t.Arena.Float32(images, h*w, 2)
		t.Dev.Contrast(similarity[i], difference[i], cosines, extremes[i], query, fg, bg)
	}
	prior := t.Arena.Float32(b, h, w, 2)
	t.Dev.ContrastPrior(prior, similarity[0], difference[0], extremes[0], similarity[1], difference[1], extremes[1])
	return t.Const(prior)
}

// apart keeps foreground and background of the supports apart in self-attention over b
// queries, which have no sides here, and then the supports.
type apart struct {
	masks sides
	b     int
}

// tokens returns, for every token of maps of h×w, whether it is foreground and whether it
// is background [B·(1+K),h·w,2], or the other way round.
func (a *apart) tokens(t *nn.Tape, h, w int, swapped bool) op.Tensor {
	near := a.masks.resized(t, h, w)
	first, second := near.fg, near.bg
	if swapped {
		first, second = second, first
	}
	images := first.Shape()[0]
	all := t.Arena.Zeros(a.b+images, h*w, 2)
	t.NoGrad(func() {
		both := t.Concat(t.Const(first), t.Const(second))
		t.Dev.Copy(t.Arena.Rows(all, a.b, a.b+images), both.Value)
		t.Free(both)
	})
	near.free(t)
	return all
}

// adaptor makes query and supports at one scale less ambiguous before they are matched:
//
//	s = contrast(W_k LN(query); means of W_q LN(supports) over foreground and background)
//	p = pivot(s, W_v LN(query), mean of the foreground)
//	x += P[x; p], x += FFN(LN x)      for the query and, with other weights, the supports
type adaptor struct {
	NormQuery   *nn.LayerNorm `w:"norm_query"`
	NormSupport *nn.LayerNorm `w:"norm_support"`
	Q           *nn.Linear    `w:"linear_q"`
	K           *nn.Linear    `w:"linear_k"`
	V           *nn.Linear    `w:"linear_v"`
	Query       *rectifier    `w:"query"`
	Support     *rectifier    `w:"support"`
}

// rectifier brings the pivot into the tokens of one side.
type rectifier struct {
	Merge *nn.Linear    `w:"merge"`
	Norm  *nn.LayerNorm `w:"norm"`
	FFN   feedForward   `w:"ffn"`
}

func newAdaptor() *adaptor {
	norm := func() *nn.LayerNorm { return nn.NewLayerNorm(dim, layerNormEps) }
	linear := func() *nn.Linear { return nn.NewLinear(dim, dim, false) }
	side := func() *rectifier {
		r := &rectifier{nn.NewLinear(2*dim, dim, true), norm(), newFeedForward()}
		for _, last := range []*nn.Linear{r.Merge, r.FFN.Project} {
			last.Weight.Init, last.Bias.Init = nn.Values(0), nn.Values(0)
		}
		return r
	}
	return &adaptor{norm(), norm(), linear(), linear(), linear(), side(), side()}
}

// forward returns the query x [B,h,w,64] and the supports s [B·K,h,w,64] with the pivot, and
// the query's contrast [B,h,w,1]. The means are over the tokens of all shots.
func (a *adaptor) forward(t *nn.Tape, x, s *nn.Var, near sides) (query, support, contrast *nn.Var) {
	size := x.Value.Shape()
	b, h, w := size[0], size[1], size[2]
	k := s.Value.Shape()[0] / b
	ns, nx := t.LayerNorm(s, a.NormSupport), t.LayerNorm(x, a.NormQuery)
	q, keys, v := t.Linear(ns, a.Q), t.Linear(nx, a.K), t.Linear(nx, a.V)
	shots := t.Reshape(q, b, k*h, w, dim)
	fg := t.MaskedAveragePool(shots, t.Arena.Reshape(near.fg, b, k*h, w))
	bg := t.MaskedAveragePool(shots, t.Arena.Reshape(near.bg, b, k*h, w))
	c := t.Contrast(keys, fg, bg)
	p := t.Pivot(c, t.Reshape(v, b, h*w, dim), fg)
	t.Free(ns, nx, q, keys, v, fg, bg)
	query, support = a.Query.forward(t, x, p), a.Support.forward(t, s, p)
	t.Free(p)
	return query, support, t.Reshape(c, b, h, w, 1)
}

// forward rectifies x [B·K,h,w,64] by the pivots p [B,64].
func (r *rectifier) forward(t *nn.Tape, x, p *nn.Var) *nn.Var {
	b := p.Value.Shape()[0]
	cat := t.Concat(t.Reshape(x, b, op.Len(x.Value)/b/dim, dim), p)
	m := t.Linear(cat, r.Merge)
	t.Free(cat)
	z, n := t.AddNorm(x, m, 0, r.Norm)
	t.Free(m)
	out, _ := r.FFN.forward(t, z, n, nil)
	return out
}
