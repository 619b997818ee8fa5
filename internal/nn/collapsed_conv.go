package nn

import (
	"hdmnet/internal/op"
)

// CollapsedConv is 1×1, batch norm, 3×3, batch norm, 1×1 with biases and no activation
// in between. With the norms' running statistics all of it is linear, hence ONE 3×3
// convolution; a forward pass computes that kernel from the five layers' parameters and
// convolves once, and gradients reach the parameters through the same products.
//
// With E, e the first 1×1, C, c the 3×3, P, p the last 1×1 and s = γ/√(σ²+eps),
// n(z) = (z−μ)·s + β of the norms:
//
//	Q = (P·diag s₂)·C                     [O,3,3,H]
//	K = [Q·diag s₁·E, Q·n₁(e)]            [O,3,3,I+1]
//	y = conv3×3([x, 1], K) + P·n₂(c) + p
//
// The zero padding of the 3×3 acts after the first norm, on a map whose constant part
// n₁(e) ends at the border too: the channel of ones carries that part, so that y is
// exact there. x [B,h,w,I]; y [B,h,w,O]; hidden channels H.
type CollapsedConv struct {
	Expand  *Linear    `w:"0"`
	Norm1   *BatchNorm `w:"1"`
	Conv    *Conv2D    `w:"2"`
	Norm2   *BatchNorm `w:"3"`
	Project *Linear    `w:"4"`
}

// NewCollapsedConv returns one with PyTorch's default initialization.
func NewCollapsedConv(in, hidden, out int) *CollapsedConv {
	return &CollapsedConv{
		Expand:  NewPointwise(in, hidden, true),
		Norm1:   NewBatchNorm(hidden),
		Conv:    NewConv2D(hidden, hidden, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}, true),
		Norm2:   NewBatchNorm(hidden),
		Project: NewPointwise(hidden, out, true),
	}
}

// CollapsedConv returns the convolution of x [B,h,w,I]. The batch's own statistics are
// not linear in x: a recording tape with BatchStats panics.
func (t *Tape) CollapsedConv(x *Var, c *CollapsedConv) *Var {
	if t.recording && t.BatchStats {
		panic("nn: CollapsedConv " + c.Conv.Weight.Name + ": batch norm with the batch's own statistics does not collapse; clear Tape.BatchStats")
	}
	kernel, bias := t.collapse(c)
	// The ones [B,1] are made on the device: a softmax over one channel is 1.
	one := t.Const(t.Arena.Zeros(x.Value.Shape()[0], 1))
	t.Dev.Softmax(one.Value, one.Value)
	ext := t.Concat(x, one)
	y := t.convolve(ext, kernel, bias, c.Conv.Params)
	t.Free(kernel, bias, one, ext)
	return y
}

// collapse returns K [O,3,3,I+1] and the bias [O].
func (t *Tape) collapse(c *CollapsedConv) (kernel, bias *Var) {
	ks := c.Conv.Weight.Shape
	in, hidden, out, taps := c.Expand.Weight.Shape[1], ks[0], c.Project.Weight.Shape[0], ks[2]*ks[3]
	vector := func(p *Param) *Var { return t.Reshape(t.param(p), 1, p.Shape[0]) }

	p := t.scale(t.matrix(c.Project), c.Norm2)
	q := t.product(p, t.Reshape(t.param(c.Conv.Weight), hidden, taps*hidden))
	q = t.Reshape(q, out*taps, hidden)
	scaled := t.scale(q, c.Norm1)
	linear := t.product(scaled, t.matrix(c.Expand))
	e := t.BatchNorm(vector(c.Expand.Bias), c.Norm1)
	constant := t.product(q, t.Reshape(e, hidden, 1))
	k := t.Concat(linear, constant)

	n := t.BatchNorm(vector(c.Conv.Bias), c.Norm2)
	b := t.Linear(n, c.Project)
	t.Free(p, q, scaled, linear, e, constant, n)
	return t.Reshape(k, out, ks[2], ks[3], in+1), t.Reshape(b, out)
}

// scale returns x·γ/√(σ²+eps), the linear part of a batch norm with running statistics.
func (t *Tape) scale(x *Var, l *BatchNorm) *Var {
	y, zero := t.like(x), t.Arena.Zeros(l.Weight.Shape...)
	t.Dev.BatchNormFrozen(y.Value, x.Value, l.Weight.Value, zero, zero, l.Var.Value, batchNormEps)
	t.record(step{y: y, in: [3]*Var{x}, layer: [2]any{l}, saved: [3]op.Tensor{zero}, back: func(t *Tape, s *step, dy op.Tensor) {
		x, l := s.in[0], s.layer[0].(*BatchNorm)
		t.Dev.BatchNormFrozenGrad(t.Grad(x), l.Weight.Grad, nil, dy, x.Value, l.Weight.Value, s.saved[0], l.Var.Value, batchNormEps)
	}})
	if !t.recording {
		t.Arena.Free(zero)
	}
	return y
}

// product returns a·b, the matrix product of a [m,k] and b [k,n].
func (t *Tape) product(a, b *Var) *Var {
	m, n := a.Value.Shape()[0], b.Value.Shape()[1]
	y := t.out(m, n)
	t.Dev.Zero(y.Value)
	t.Dev.LinearGradInput(y.Value, a.Value, b.Value)
	t.record(step{y: y, in: [3]*Var{a, b}, back: func(t *Tape, s *step, dy op.Tensor) {
		a, b := s.in[0], s.in[1]
		if da := t.newGrad(a); da != nil {
			t.Dev.Linear(da, dy, b.Value, nil)
		} else if da := t.Grad(a); da != nil {
			part := t.Arena.Float32(da.Shape()...)
			t.Dev.Linear(part, dy, b.Value, nil)
			t.Dev.AddScaled(da, part, 1)
			t.Arena.Free(part)
		}
		if db := t.Grad(b); db != nil {
			t.Dev.LinearGradWeight(db, nil, dy, a.Value)
		}
	}})
	return y
}

// matrix returns the weight of l as a matrix [Co,Ci].
func (t *Tape) matrix(l *Linear) *Var {
	return t.Reshape(t.param(l.Weight), l.Weight.Shape[0], l.Weight.Shape[1])
}
