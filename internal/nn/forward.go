package nn

import (
	"hdmnet/internal/op"
)

// Conv2D returns the convolution of x [B,H,W,Ci].
func (t *Tape) Conv2D(x *Var, c *Conv2D) *Var {
	return t.convolve(x, t.param(c.Weight), t.param(c.Bias), c.Params)
}

// convolve is Conv2D with a kernel [Co,KH,KW,Ci] and a bias [Co], or nil, that may be
// values of the tape themselves.
func (t *Tape) convolve(x, kernel, bias *Var, p op.ConvParams) *Var {
	y := t.convolved(x, kernel.Value.Shape(), p)
	t.Dev.Conv2D(y.Value, x.Value, kernel.Value, bias.tensor(), nil, p)
	t.record(step{y: y, in: [3]*Var{x, kernel, bias}, conv: p, back: func(t *Tape, s *step, dy op.Tensor) {
		x, kernel := s.in[0], s.in[1]
		if dx := t.Grad(x); dx != nil {
			t.Dev.Conv2DGradInput(dx, dy, kernel.Value, s.conv)
		}
		if dw, db := t.Grad(kernel), t.Grad(s.in[2]); dw != nil || db != nil {
			t.Dev.Conv2DGradWeight(dw, db, x.Value, dy, s.conv)
		}
	}})
	return y
}

// convolved returns a new value of the shape of x's convolution with a kernel [Co,KH,KW,Ci].
func (t *Tape) convolved(x *Var, kernel []int, p op.ConvParams) *Var {
	s := x.Value.Shape()
	return t.out(s[0], p.Out(s[1], kernel[1]), p.Out(s[2], kernel[2]), kernel[0])
}

// frozenMap is convolved for a folded convolution: in halves where these are wanted, or where
// the one convolution that reads the map, next (nil: others do), takes nothing else from it.
func (t *Tape) frozenMap(x *Var, kernel []int, p op.ConvParams, next *ConvBN) *Var {
	halves := t.Halves && t.Dev.Capabilities().HalfMaps || next != nil && t.folds(next) && t.frozen(next).ReadsHalves()
	if !halves || kernel[0]%op.HalfChannels != 0 {
		return t.convolved(x, kernel, p)
	}
	s := x.Value.Shape()
	return t.value(Var{Value: t.Arena.Half(s[0], p.Out(s[1], kernel[1]), p.Out(s[2], kernel[2]), kernel[0]), fixed: true})
}

// folds tells whether c is computed as one convolution with weights that do not change.
func (t *Tape) folds(c *ConvBN) bool { return !t.recording && c.Conv.Weight.Role == Frozen }

// frozen returns the convolution into which c, which folds, is folded.
func (t *Tape) frozen(c *ConvBN) op.FrozenConv {
	if c.folded == nil {
		w, b := c.fold(t.Dev)
		c.prepare(t.Dev, w, b)
	}
	return c.folded
}

// ConvBN returns norm(conv(x)) + residual (nil: none), then ReLU if asked. Frozen and
// not recording, it is one fused convolution.
func (t *Tape) ConvBN(x *Var, c *ConvBN, residual *Var, relu bool) *Var {
	return t.convBN(x, c, residual, relu, nil)
}

// ConvBNFor returns ReLU(norm(conv(x))) as an input of next, which alone reads it: where next
// is frozen and rounds its input, the map is kept rounded.
func (t *Tape) ConvBNFor(next *ConvBN, x *Var, c *ConvBN) *Var {
	return t.convBN(x, c, nil, true, next)
}

func (t *Tape) convBN(x *Var, c *ConvBN, residual *Var, relu bool, next *ConvBN) *Var {
	if t.folds(c) {
		f := t.frozen(c)
		y := t.frozenMap(x, f.Shape(), c.Conv.Params, next)
		t.Dev.FrozenConv2D(y.Value, x.Value, f, residual.tensor(), op.ReLUIf(relu))
		return y
	}
	z := t.Conv2D(x, c.Conv)
	y := t.BatchNorm(z, c.Norm)
	t.Free(z)
	if residual != nil {
		sum := t.Add(y, residual)
		t.Free(y)
		y = sum
	}
	if relu {
		out := t.ReLU(y)
		t.Free(y)
		y = out
	}
	return y
}

// Linear returns x·wᵀ + b over the channels of x [...,Ci].
func (t *Tape) Linear(x *Var, l *Linear) *Var {
	y := t.channels(x, l.Weight.Shape[0])
	w := t.Arena.Reshape(l.Weight.Value, l.Weight.Shape[0], l.Weight.Shape[1])
	t.Dev.Linear(y.Value, x.Value, w, l.Bias.value())
	t.record(step{y: y, in: [3]*Var{x}, layer: [2]any{l}, saved: [3]op.Tensor{w}, back: func(t *Tape, s *step, dy op.Tensor) {
		x, l, w := s.in[0], s.layer[0].(*Linear), s.saved[0]
		dx := t.Grad(x)
		if l.Weight.Grad == nil {
			if dx != nil {
				t.Dev.LinearGradInput(dx, dy, w)
			}
			return
		}
		dw := t.Arena.Reshape(l.Weight.Grad, w.Shape()...)
		if dx != nil {
			t.Dev.LinearGrad(dx, dw, l.Bias.grad(), dy, x.Value, w)
		} else {
			t.Dev.LinearGradWeight(dw, l.Bias.grad(), x.Value, dy)
		}
	}})
	return y
}

// DepthwiseGELU returns the 3×3 convolution of every channel of x by itself, then GELU, of which
// elements are dropped with probability p while training.
func (t *Tape) DepthwiseGELU(x *Var, l *DepthwiseConv, p float32) *Var {
	y := t.like(x)
	var before op.Tensor
	if t.recording {
		before = t.Arena.Float32(x.Value.Shape()...)
	}
	d := t.drawn(p)
	t.Dev.DepthwiseGELU(y.Value, before, x.Value, l.Weight.Value, l.Bias.Value, d)
	t.record(step{y: y, in: [3]*Var{x}, layer: [2]any{l}, saved: [3]op.Tensor{before}, dropout: d, back: func(t *Tape, s *step, dy op.Tensor) {
		x, l := s.in[0], s.layer[0].(*DepthwiseConv)
		work := t.Arena.Float32(x.Value.Shape()...)
		t.Dev.DepthwiseGELUGrad(t.Grad(x), l.Weight.Grad, l.Bias.Grad, work, dy, s.saved[0], x.Value, l.Weight.Value, s.dropout)
		t.Arena.Free(work)
	}})
	return y
}

// LayerNorm normalizes every position of x.
func (t *Tape) LayerNorm(x *Var, l *LayerNorm) *Var {
	y := t.like(x)
	n := op.Len(x.Value) / op.Last(x.Value)
	mean, rstd := t.Arena.Float32(n), t.Arena.Float32(n)
	t.Dev.LayerNorm(y.Value, mean, rstd, x.Value, l.Weight.Value, l.Bias.Value, l.Eps)
	t.record(step{y: y, in: [3]*Var{x}, layer: [2]any{l}, saved: [3]op.Tensor{mean, rstd}, back: func(t *Tape, s *step, dy op.Tensor) {
		x, l := s.in[0], s.layer[0].(*LayerNorm)
		t.Dev.LayerNormGrad(t.Grad(x), l.Weight.Grad, l.Bias.Grad, dy, x.Value, l.Weight.Value, s.saved[0], s.saved[1])
	}})
	if !t.recording {
		t.Arena.Free(mean)
		t.Arena.Free(rstd)
	}
	return y
}

// ReLU returns max(0, x).
func (t *Tape) ReLU(x *Var) *Var {
	y := t.like(x)
	t.Dev.ReLU(y.Value, x.Value)
	t.record(step{y: y, in: [3]*Var{x}, back: func(t *Tape, s *step, dy op.Tensor) {
		if dx := t.Grad(s.in[0]); dx != nil {
			t.Dev.ReLUGrad(dx, dy, s.y.Value)
		}
	}})
	return y
}

// Softmax returns the softmax over the channels of x.
func (t *Tape) Softmax(x *Var) *Var {
	y := t.like(x)
	t.Dev.Softmax(y.Value, x.Value)
	t.record(step{y: y, in: [3]*Var{x}, back: func(t *Tape, s *step, dy op.Tensor) {
		if dx := t.Grad(s.in[0]); dx != nil {
			t.Dev.SoftmaxGrad(dx, dy, s.y.Value)
		}
	}})
	return y
}

// Dropout drops elements of x (whole channels if channel) with probability p while
// training; otherwise it returns x itself.
func (t *Tape) Dropout(x *Var, p float32, channel bool) *Var {
	if !t.Training || p == 0 {
		return x
	}
	y, d := t.like(x), t.dropout(p, channel)
	if t.Together != nil {
		draws := op.Len(x.Value)
		if shape := x.Value.Shape(); channel {
			draws = shape[0] * shape[len(shape)-1]
		}
		d = d.After(t.Together.Rank * draws)
	}
	t.Dev.Dropout(y.Value, x.Value, d)
	t.record(step{y: y, in: [3]*Var{x}, dropout: d, back: func(t *Tape, s *step, dy op.Tensor) {
		if dx := t.Grad(s.in[0]); dx != nil {
			t.Dev.DropoutGrad(dx, dy, s.dropout)
		}
	}})
	return y
}

// Add returns a + b.
func (t *Tape) Add(a, b *Var) *Var {
	y := t.like(a)
	t.Dev.Add(y.Value, a.Value, b.Value)
	t.record(step{y: y, in: [3]*Var{a, b}, back: func(t *Tape, s *step, dy op.Tensor) {
		t.addGrad(s.in[1], dy)
		t.passGrad(s.in[0], s.y)
	}})
	return y
}

// AddNorm returns z = x + o, of o elements dropped with probability p while training, and
// unless l is nil y, z normalized.
func (t *Tape) AddNorm(x, o *Var, p float32, l *LayerNorm) (z, y *Var) {
	z = t.like(x)
	o = t.Reshape(o, x.Value.Shape()...)
	d := t.drawn(p)
	if l == nil {
		t.Dev.AddNorm(z.Value, nil, nil, nil, x.Value, o.Value, nil, nil, d, 0)
		t.record(step{y: z, in: [3]*Var{x, o}, dropout: d, back: func(t *Tape, s *step, dz op.Tensor) {
			t.Dev.AddNormGrad(dz, t.Grad(s.in[1]), nil, nil, nil, nil, nil, nil, nil, s.dropout)
			t.passGrad(s.in[0], s.y)
		}})
		return z, nil
	}
	y = t.like(x)
	n := op.Len(x.Value) / op.Last(x.Value)
	mean, rstd := t.Arena.Float32(n), t.Arena.Float32(n)
	t.Dev.AddNorm(z.Value, y.Value, mean, rstd, x.Value, o.Value, l.Weight.Value, l.Bias.Value, d, l.Eps)
	t.record(step{y: z, z: y, in: [3]*Var{x, o}, layer: [2]any{l}, saved: [3]op.Tensor{mean, rstd}, dropout: d, back: func(t *Tape, s *step, _ op.Tensor) {
		l, dz := s.layer[0].(*LayerNorm), t.Grad(s.y)
		t.Dev.AddNormGrad(dz, t.Grad(s.in[1]), l.Weight.Grad, l.Bias.Grad, s.z.grad, s.y.Value, l.Weight.Value, s.saved[0], s.saved[1], s.dropout)
		t.passGrad(s.in[0], s.y)
	}})
	if !t.recording {
		t.Arena.Free(mean)
		t.Arena.Free(rstd)
	}
	return z, y
}

// passGrad gives x the gradient of y, which no longer needs it.
func (t *Tape) passGrad(x, y *Var) {
	if x.fixed || x.parent != nil || x.grad != nil {
		t.addGrad(x, y.grad)
	} else {
		x.grad, y.grad = y.grad, nil
	}
}

// Scale returns alpha·x.
func (t *Tape) Scale(x *Var, alpha float32) *Var {
	y := t.like(x)
	t.Dev.Zero(y.Value)
	t.Dev.AddScaled(y.Value, x.Value, alpha)
	t.record(step{y: y, in: [3]*Var{x}, scale: alpha, back: func(t *Tape, s *step, dy op.Tensor) {
		if dx := t.Grad(s.in[0]); dx != nil {
			t.Dev.AddScaled(dx, dy, s.scale)
		}
	}})
	return y
}

// Concat joins the channels of parts; a part [B,C] beside maps is repeated at every position.
func (t *Tape) Concat(parts ...*Var) *Var {
	channels, list, values := 0, t.lists.take(len(parts)), t.tensors.take(len(parts))
	for i, p := range parts {
		list[i], values[i] = p, p.Value
		channels += op.Last(p.Value)
	}
	y := t.channels(parts[0], channels)
	t.Dev.Concat(y.Value, values...)
	t.record(step{y: y, list: list, back: func(t *Tape, s *step, dy op.Tensor) {
		sizes := t.sizes.take(len(s.list))
		for i, p := range s.list {
			sizes[i] = op.Last(p.Value)
		}
		t.Dev.ConcatGrad(t.grads(s.list), dy, sizes)
	}})
	return y
}

// JoinRows returns a above b along the first axis.
func (t *Tape) JoinRows(a, b *Var) *Var {
	na, nb := a.Value.Shape()[0], b.Value.Shape()[0]
	y := t.rows(a, na+nb)
	t.Dev.Copy(t.Arena.Rows(y.Value, 0, na), a.Value)
	t.Dev.Copy(t.Arena.Rows(y.Value, na, na+nb), b.Value)
	t.record(step{y: y, in: [3]*Var{a, b}, n: na, back: func(t *Tape, s *step, dy op.Tensor) {
		if da := t.Grad(s.in[0]); da != nil {
			t.Dev.AddScaled(da, t.Arena.Rows(dy, 0, s.n), 1)
		}
		if db := t.Grad(s.in[1]); db != nil {
			t.Dev.AddScaled(db, t.Arena.Rows(dy, s.n, dy.Shape()[0]), 1)
		}
	}})
	return y
}
