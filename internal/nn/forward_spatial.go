package nn

import (
	"hdmnet/internal/op"
)

// MaxPool returns the maximum of every window of x [B,H,W,C].
func (t *Tape) MaxPool(x *Var, p op.PoolParams) *Var {
	s := x.Value.Shape()
	y := t.of(x, s[0], p.Out(s[1]), p.Out(s[2]), s[3])
	var argmax op.Tensor
	if t.recording {
		argmax = t.Arena.Int32(y.Value.Shape()...)
	}
	t.Dev.MaxPool(y.Value, argmax, x.Value, p)
	t.record(step{y: y, in: [3]*Var{x}, saved: [3]op.Tensor{argmax}, back: func(t *Tape, s *step, dy op.Tensor) {
		if dx := t.Grad(s.in[0]); dx != nil {
			t.Dev.MaxPoolGrad(dx, dy, s.saved[0])
		}
	}})
	return y
}

// AdaptiveAvgPool averages x [B,H,W,C] into bins×bins cells.
func (t *Tape) AdaptiveAvgPool(x *Var, bins int) *Var {
	s := x.Value.Shape()
	y := t.out(s[0], bins, bins, s[3])
	t.Dev.AdaptiveAvgPool(y.Value, x.Value)
	t.record(step{y: y, in: [3]*Var{x}, back: func(t *Tape, s *step, dy op.Tensor) {
		if dx := t.Grad(s.in[0]); dx != nil {
			t.Dev.AdaptiveAvgPoolGrad(dx, dy)
		}
	}})
	return y
}

// AdaptiveAvgPools averages x [B,H,W,C], which needs no gradient, into several grids of cells.
func (t *Tape) AdaptiveAvgPools(x *Var, bins []int) []*Var {
	s := x.Value.Shape()
	out, values := t.lists.take(len(bins)), t.tensors.take(len(bins))
	for i, n := range bins {
		out[i] = t.of(x, s[0], n, n, s[3])
		values[i] = out[i].Value
	}
	t.Dev.AdaptiveAvgPoolLevels(values, x.Value)
	return out
}

// MaskedAveragePool returns the prototypes [B,C] of x [B,H,W,C] under mask [B,H,W].
func (t *Tape) MaskedAveragePool(x *Var, mask op.Tensor) *Var {
	s := x.Value.Shape()
	y := t.out(s[0], s[3])
	t.Dev.MaskedAveragePool(y.Value, x.Value, mask)
	t.record(step{y: y, in: [3]*Var{x}, saved: [3]op.Tensor{mask}, back: func(t *Tape, s *step, dy op.Tensor) {
		if dx := t.Grad(s.in[0]); dx != nil {
			t.Dev.MaskedAveragePoolGrad(dx, dy, s.saved[0])
		}
	}})
	return y
}

// Resize resamples x [B,H,W,C] bilinearly to h×w; sizes that agree return x itself.
func (t *Tape) Resize(x *Var, h, w int, alignCorners bool) *Var {
	s := x.Value.Shape()
	if s[1] == h && s[2] == w {
		return x
	}
	y := t.of(x, s[0], h, w, s[3])
	t.Dev.ResizeBilinear(y.Value, x.Value, alignCorners)
	t.record(step{y: y, in: [3]*Var{x}, flag: alignCorners, back: func(t *Tape, s *step, dy op.Tensor) {
		if dx := t.Grad(s.in[0]); dx != nil {
			t.Dev.ResizeBilinearGrad(dx, dy, s.flag)
		}
	}})
	return y
}

// SelfAttention returns the attention of q [B,N,C] over k, v [B,M,C].
func (t *Tape) SelfAttention(q, k, v *Var, heads int) *Var {
	y := t.like(q)
	var lse op.Tensor
	if t.recording {
		s := q.Value.Shape()
		lse = t.Arena.Float32(s[0], heads, s[1])
	}
	t.Dev.SelfAttention(y.Value, lse, q.Value, k.Value, v.Value, heads)
	t.record(step{y: y, in: [3]*Var{q, k, v}, saved: [3]op.Tensor{lse}, n: heads, back: func(t *Tape, s *step, dy op.Tensor) {
		q, k, v := s.in[0], s.in[1], s.in[2]
		t.Dev.SelfAttentionGrad(t.Grad(q), t.Grad(k), t.Grad(v), dy, s.y.Value, s.saved[0], q.Value, k.Value, v.Value, s.n)
	}})
	return y
}

// MaskedCorrelation returns the matched values [B,N,C] and the correlation map [B,N] of
// q [B,N,C] with k, v [B,M,C] under mask [B,M].
func (t *Tape) MaskedCorrelation(q, k, v *Var, mask op.Tensor, heads int) (y, corr *Var) {
	qs, ks := q.Value.Shape(), k.Value.Shape()
	y, corr = t.like(q), t.out(qs[0], qs[1])
	colSum := t.Arena.Float32(ks[0], heads, ks[1])
	t.Dev.MaskedCorrelation(y.Value, corr.Value, colSum, q.Value, k.Value, v.Value, mask, heads)
	if !t.recording {
		t.Arena.Free(colSum)
		return y, corr
	}
	t.record(step{y: y, z: corr, in: [3]*Var{q, k, v}, saved: [3]op.Tensor{colSum, mask}, n: heads, back: func(t *Tape, s *step, dy op.Tensor) {
		q, k, v := s.in[0], s.in[1], s.in[2]
		t.Dev.MaskedCorrelationGrad(t.Grad(q), t.Grad(k), t.Grad(v), dy, s.z.grad, s.saved[0], q.Value, k.Value, v.Value, s.saved[1], s.n)
	}})
	return y, corr
}

// ShotMean averages x [B·K,...] over each sample's K shots to [B,...].
func (t *Tape) ShotMean(x *Var, shots int) *Var {
	y := t.rows(x, x.Value.Shape()[0]/shots)
	t.Dev.ShotMean(y.Value, x.Value)
	t.record(step{y: y, in: [3]*Var{x}, back: func(t *Tape, s *step, dy op.Tensor) {
		if dx := t.Grad(s.in[0]); dx != nil {
			t.Dev.ShotMeanGrad(dx, dy)
		}
	}})
	return y
}

// ShotWeights merges the style distances d [B,K] into one estimate [B] per sample; nil
// layers weigh the shots alike.
func (t *Tape) ShotWeights(d op.Tensor, l0, l1 *Linear) *Var {
	b, k := d.Shape()[0], d.Shape()[1]
	y := t.out(b)
	if l0 == nil {
		y.fixed = true
		t.Dev.ShotWeights(y.Value, d, nil, nil, nil, nil)
		return y
	}
	w0, w1 := t.Arena.Reshape(l0.Weight.Value, 2, k), t.Arena.Reshape(l1.Weight.Value, k, 2)
	t.Dev.ShotWeights(y.Value, d, w0, l0.Bias.Value, w1, l1.Bias.Value)
	if l0.Weight.Grad == nil {
		y.fixed = true
		return y
	}
	t.record(step{y: y, layer: [2]any{l0, l1}, saved: [3]op.Tensor{d, w0, w1}, n: k, back: func(t *Tape, s *step, dy op.Tensor) {
		l0, l1, k := s.layer[0].(*Linear), s.layer[1].(*Linear), s.n
		t.Dev.ShotWeightsGrad(t.Arena.Reshape(l0.Weight.Grad, 2, k), l0.Bias.Grad, t.Arena.Reshape(l1.Weight.Grad, k, 2), l1.Bias.Grad,
			dy, s.saved[0], s.saved[1], l0.Bias.Value, s.saved[2], l1.Bias.Value)
	}})
	return y
}

// Ensemble merges meta probabilities [B,H,W,2] with the base learner's foreground
// [B,H,W] under the style estimates psi [B].
func (t *Tape) Ensemble(meta *Var, base op.Tensor, psi *Var, gramMerge, clsMerge *Linear) *Var {
	y := t.like(meta)
	gw, cw := t.Arena.Reshape(gramMerge.Weight.Value, 2), t.Arena.Reshape(clsMerge.Weight.Value, 2)
	t.Dev.Ensemble(y.Value, meta.Value, base, psi.Value, gw, cw)
	t.record(step{y: y, in: [3]*Var{meta, psi}, layer: [2]any{gramMerge, clsMerge}, saved: [3]op.Tensor{base, gw, cw}, back: func(t *Tape, s *step, dy op.Tensor) {
		meta, psi, gram, cls := s.in[0], s.in[1], s.layer[0].(*Linear), s.layer[1].(*Linear)
		t.Dev.EnsembleGrad(t.Grad(meta), t.Grad(psi), t.Arena.Reshape(gram.Weight.Grad, 2), t.Arena.Reshape(cls.Weight.Grad, 2),
			dy, meta.Value, s.saved[0], psi.Value, s.saved[1], s.saved[2])
	}})
	return y
}

// CrossEntropy writes the mean loss of logits [B,H,W,C] and the number of labeled
// pixels to loss [2]; the gradient is that of scale·loss.
func (t *Tape) CrossEntropy(loss op.Tensor, logits *Var, label op.Tensor, scale float32) {
	t.Dev.CrossEntropy(loss, logits.Value, label)
	if logits.fixed {
		return
	}
	t.record(step{in: [3]*Var{logits}, saved: [3]op.Tensor{loss, label}, scale: scale, back: func(t *Tape, s *step, _ op.Tensor) {
		t.Dev.CrossEntropyGrad(t.Grad(s.in[0]), s.saved[0], s.in[0].Value, s.saved[1], s.scale)
	}})
}

// Distillation writes KL(teacher ‖ student) over positions to loss [1]; the gradient is
// that of scale·loss.
func (t *Tape) Distillation(loss op.Tensor, student *Var, teacher op.Tensor, scale float32) {
	t.Dev.Distillation(loss, student.Value, teacher)
	if student.fixed {
		return
	}
	t.record(step{in: [3]*Var{student}, saved: [3]op.Tensor{teacher}, scale: scale, back: func(t *Tape, s *step, _ op.Tensor) {
		t.Dev.DistillationGrad(t.Grad(s.in[0]), s.in[0].Value, s.saved[0], s.scale)
	}})
}
