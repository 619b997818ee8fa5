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
	y := t.out(convShape(x, kernel.Value.Shape(), p)...)
	var b op.Tensor
	if bias != nil {
		b = bias.Value
	}
	t.Dev.Conv2D(y.Value, x.Value, kernel.Value, b, nil, p)
	t.record(y, func(dy op.Tensor) {
		if dx := t.Grad(x); dx != nil {
			t.Dev.Conv2DGradInput(dx, dy, kernel.Value, p)
		}
		if dw, db := t.Grad(kernel), t.Grad(bias); dw != nil || db != nil {
			t.Dev.Conv2DGradWeight(dw, db, x.Value, dy, p)
		}
	})
	return y
}

// convShape returns the shape of the convolution of x with a kernel [Co,KH,KW,Ci].
func convShape(x *Var, kernel []int, p op.ConvParams) []int {
	s := x.Value.Shape()
	return []int{s[0], p.Out(s[1], kernel[1]), p.Out(s[2], kernel[2]), kernel[0]}
}

// folds tells whether c is computed as one convolution with weights that do not change.
func (t *Tape) folds(c *ConvBN) bool { return !t.recording && c.Conv.Weight.Role == Frozen }

// ConvBN returns norm(conv(x)) + residual (nil: none), then ReLU if asked. Frozen and
// not recording, it is one fused convolution.
func (t *Tape) ConvBN(x *Var, c *ConvBN, residual *Var, relu bool) *Var {
	if t.folds(c) {
		p := c.Conv.Params
		if c.folded == nil {
			w, b := c.fold(t.Dev)
			c.prepare(t.Dev, w, b)
		}
		y := t.out(convShape(x, c.folded.Shape(), p)...)
		var r op.Tensor
		if residual != nil {
			r = residual.Value
		}
		t.Dev.FrozenConv2D(y.Value, x.Value, c.folded, r, relu)
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
	s := x.Value.Shape()
	y := t.out(append(append([]int{}, s[:len(s)-1]...), l.Weight.Shape[0])...)
	w := t.Arena.Reshape(l.Weight.Value, l.Weight.Shape[0], l.Weight.Shape[1])
	t.Dev.Linear(y.Value, x.Value, w, l.Bias.value())
	t.record(y, func(dy op.Tensor) {
		if dx := t.Grad(x); dx != nil {
			t.Dev.LinearGradInput(dx, dy, w)
		}
		if l.Weight.Grad != nil {
			t.Dev.LinearGradWeight(t.Arena.Reshape(l.Weight.Grad, w.Shape()...), l.Bias.grad(), x.Value, dy)
		}
	})
	return y
}

// Depthwise returns the 3×3 convolution of every channel of x by itself.
func (t *Tape) Depthwise(x *Var, l *DepthwiseConv) *Var {
	y := t.like(x)
	t.Dev.Depthwise3x3(y.Value, x.Value, l.Weight.Value, l.Bias.Value)
	t.record(y, func(dy op.Tensor) {
		t.Dev.Depthwise3x3Grad(t.Grad(x), l.Weight.Grad, l.Bias.Grad, dy, x.Value, l.Weight.Value)
	})
	return y
}

// BatchNorm normalises the channels of x, with the batch's statistics when the tape
// records and asks for them, else with the running ones.
func (t *Tape) BatchNorm(x *Var, l *BatchNorm) *Var {
	y := t.like(x)
	w, b := l.Weight, l.Bias
	if t.recording && t.BatchStats {
		mean, rstd := t.Arena.Float32(w.Shape...), t.Arena.Float32(w.Shape...)
		t.Dev.BatchNormTrain(y.Value, mean, rstd, l.Mean.Value, l.Var.Value, x.Value, w.Value, b.Value, batchNormEps, batchNormMomentum)
		l.Batches.N++
		t.record(y, func(dy op.Tensor) {
			t.Dev.BatchNormTrainGrad(t.Grad(x), w.Grad, b.Grad, dy, x.Value, w.Value, mean, rstd)
		})
		return y
	}
	t.Dev.BatchNormFrozen(y.Value, x.Value, w.Value, b.Value, l.Mean.Value, l.Var.Value, batchNormEps)
	t.record(y, func(dy op.Tensor) {
		t.Dev.BatchNormFrozenGrad(t.Grad(x), w.Grad, b.Grad, dy, x.Value, w.Value, l.Mean.Value, l.Var.Value, batchNormEps)
	})
	return y
}

// LayerNorm normalises every position of x.
func (t *Tape) LayerNorm(x *Var, l *LayerNorm) *Var {
	y := t.like(x)
	n := op.Len(x.Value) / op.Last(x.Value)
	mean, rstd := t.Arena.Float32(n), t.Arena.Float32(n)
	t.Dev.LayerNorm(y.Value, mean, rstd, x.Value, l.Weight.Value, l.Bias.Value, l.Eps)
	t.record(y, func(dy op.Tensor) {
		t.Dev.LayerNormGrad(t.Grad(x), l.Weight.Grad, l.Bias.Grad, dy, x.Value, l.Weight.Value, mean, rstd)
	})
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
	t.record(y, func(dy op.Tensor) {
		if dx := t.Grad(x); dx != nil {
			t.Dev.ReLUGrad(dx, dy, y.Value)
		}
	})
	return y
}

// GELU returns x·Φ(x).
func (t *Tape) GELU(x *Var) *Var {
	y := t.like(x)
	t.Dev.GELU(y.Value, x.Value)
	t.record(y, func(dy op.Tensor) {
		if dx := t.Grad(x); dx != nil {
			t.Dev.GELUGrad(dx, dy, x.Value)
		}
	})
	return y
}

// Softmax returns the softmax over the channels of x.
func (t *Tape) Softmax(x *Var) *Var {
	y := t.like(x)
	t.Dev.Softmax(y.Value, x.Value)
	t.record(y, func(dy op.Tensor) {
		if dx := t.Grad(x); dx != nil {
			t.Dev.SoftmaxGrad(dx, dy, y.Value)
		}
	})
	return y
}

// Dropout drops elements of x (whole channels if channel) with probability p while
// training; otherwise it returns x itself.
func (t *Tape) Dropout(x *Var, p float32, channel bool) *Var {
	if !t.Training || p == 0 {
		return x
	}
	y, d := t.like(x), t.dropout(p, channel)
	t.Dev.Dropout(y.Value, x.Value, d)
	t.record(y, func(dy op.Tensor) {
		if dx := t.Grad(x); dx != nil {
			t.Dev.DropoutGrad(dx, dy, d)
		}
	})
	return y
}

// Add returns a + b.
func (t *Tape) Add(a, b *Var) *Var {
	y := t.like(a)
	t.Dev.Add(y.Value, a.Value, b.Value)
	t.record(y, func(dy op.Tensor) {
		for _, x := range []*Var{a, b} {
			if dx := t.Grad(x); dx != nil {
				t.Dev.AddScaled(dx, dy, 1)
			}
		}
	})
	return y
}

// Concat joins the channels of parts; a part [B,C] beside maps is repeated at every position.
func (t *Tape) Concat(parts ...*Var) *Var {
	channels, sizes, values := 0, make([]int, len(parts)), make([]op.Tensor, len(parts))
	for i, p := range parts {
		sizes[i], values[i] = op.Last(p.Value), p.Value
		channels += sizes[i]
	}
	s := parts[0].Value.Shape()
	y := t.out(append(append([]int{}, s[:len(s)-1]...), channels)...)
	t.Dev.Concat(y.Value, values...)
	t.record(y, func(dy op.Tensor) {
		grads := make([]op.Tensor, len(parts))
		for i, p := range parts {
			grads[i] = t.Grad(p)
		}
		t.Dev.ConcatGrad(grads, dy, sizes)
	})
	return y
}

// JoinRows returns a above b along the first axis.
func (t *Tape) JoinRows(a, b *Var) *Var {
	as, bs := a.Value.Shape(), b.Value.Shape()
	y := t.out(append([]int{as[0] + bs[0]}, as[1:]...)...)
	t.Dev.Copy(op.Rows(y.Value, 0, as[0]), a.Value)
	t.Dev.Copy(op.Rows(y.Value, as[0], as[0]+bs[0]), b.Value)
	t.record(y, func(dy op.Tensor) {
		if da := t.Grad(a); da != nil {
			t.Dev.AddScaled(da, op.Rows(dy, 0, as[0]), 1)
		}
		if db := t.Grad(b); db != nil {
			t.Dev.AddScaled(db, op.Rows(dy, as[0], as[0]+bs[0]), 1)
		}
	})
	return y
}
