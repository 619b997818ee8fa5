package nn

import (
	"fmt"

	"gorgonia.org/tensor"

	"hdmnet/internal/op"
)

// pyramidProduct is the convolution of a PyramidConv with weights that may change, by
// linearity too: it costs what x costs, in both directions, and the wide map is never made.
func (t *Tape) pyramidProduct(x *Var, levels []*Var, c *ConvBN) *Var {
	s, co := x.Value.Shape(), c.Conv.Weight.Shape[0]
	w := t.param(c.Conv.Weight)
	parts := t.split(t.Reshape(w, co*9, c.Conv.Weight.Shape[1]), c.inputs)

	products, values := t.lists.take(len(levels)), t.tensors.take(len(levels))
	for l, p := range levels {
		n := c.inputs[l+1]
		byTap := t.swapAxes(t.Reshape(parts[l+1], co, 9, n)) // [9,Co,C_l]
		q := t.times(p, t.Reshape(byTap, 9*co, n))
		t.Free(byTap)
		products[l], values[l] = q, q.Value
	}
	spread := t.out(s[0], s[1], s[2], co)
	t.Dev.PyramidSpread(spread.Value, values)
	own := t.Reshape(parts[0], co, 3, 3, c.inputs[0])
	y := t.out(s[0], s[1], s[2], co)
	t.Dev.Conv2D(y.Value, x.Value, own.Value, nil, spread.Value, c.Conv.Params)
	t.Free(spread)
	t.Free(products...)
	t.Free(parts...)
	t.record(step{y: y, in: [3]*Var{x, own}, list: products, layer: [2]any{c}, back: func(t *Tape, s *step, dy op.Tensor) {
		x, own, c := s.in[0], s.in[1], s.layer[0].(*ConvBN)
		if dx := t.Grad(x); dx != nil {
			t.Dev.Conv2DGradInput(dx, dy, own.Value, c.Conv.Params)
		}
		if dw := t.Grad(own); dw != nil {
			t.Dev.Conv2DGradWeight(dw, nil, x.Value, dy, c.Conv.Params)
		}
		for _, q := range s.list {
			t.gatherSpread(q, dy, c)
		}
	}})
	return y
}

// gatherSpread adds to q's gradient that of its share of op.PyramidSpread, which as a
// matrix is the same for all pictures and channels: dq_b = Sᵀ·dy_b.
func (t *Tape) gatherSpread(q *Var, dy op.Tensor, c *ConvBN) {
	dq := t.Grad(q)
	if dq == nil {
		return
	}
	s, n, co := dy.Shape(), q.Value.Shape()[1], c.Conv.Weight.Shape[0]
	size := s[1] * s[2]
	spread := c.spread(t.Dev, s[1], s[2], n)
	for b := range s[0] {
		t.Dev.LinearGradWeight(t.Arena.Span(dq, b*9*n*n*co, 9*n*n, co), nil, t.Arena.Span(dy, b*size*co, size, co), spread)
	}
}

// spreadMatrix is S of some size on the device, where it stays: a step uploads nothing.
type spreadMatrix struct {
	dev op.Device
	mem tensor.Memory
	s   op.Tensor
}

// spread returns S [h·w, n·n·9] of maps n×n: what position (i,j) reads of cell (u,v)
// through tap (ky,kx).
func (c *ConvBN) spread(dev op.Device, h, w, n int) op.Tensor {
	key := [3]int{h, w, n}
	if m := c.spreads[key]; m != nil {
		return m.s
	}
	m := make([]float32, h*w*n*n*9)
	for i := range h {
		for j := range w {
			row := m[(i*w+j)*n*n*9:]
			for tap := range 9 {
				y, x := i+tap/3-1, j+tap%3-1
				if y < 0 || y >= h || x < 0 || x >= w {
					continue
				}
				u, down := alignedSource(y, h, n)
				v, right := alignedSource(x, w, n)
				for k := range 4 {
					part := (float64(1-k/2) + float64(2*(k/2)-1)*down) * (float64(1-k%2) + float64(2*(k%2)-1)*right)
					if part != 0 {
						row[((u+k/2)*n+v+k%2)*9+tap] = float32(part)
					}
				}
			}
		}
	}
	mem, err := dev.Alloc(int64(len(m)) * 4)
	if err != nil {
		panic(fmt.Errorf("%s: no memory to spread maps of %d×%d over %d×%d: %w", dev.Name(), n, n, h, w, err))
	}
	if c.spreads == nil {
		c.spreads = map[[3]int]*spreadMatrix{}
	}
	at := op.FromMemory(dev, tensor.Float32, mem.Uintptr(), h*w, 9*n*n)
	dev.Upload(at, m)
	c.spreads[key] = &spreadMatrix{dev, mem, at}
	return at
}

// alignedSource is where position i of out lies among n, the corners aligned: between
// near and the next, by the share far of the way.
func alignedSource(i, out, n int) (near int, far float64) {
	if out == 1 {
		return 0, 0
	}
	near = i * (n - 1) / (out - 1)
	return near, float64(i*(n-1)-near*(out-1)) / float64(out-1)
}

// split returns the parts of x's channels, each of some size.
func (t *Tape) split(x *Var, sizes []int) []*Var {
	rows := op.Len(x.Value) / op.Last(x.Value)
	parts, values := t.lists.take(len(sizes)), t.tensors.take(len(sizes))
	for i, n := range sizes {
		y := t.out(rows, n)
		y.fixed = y.fixed || x.fixed
		t.Dev.Zero(y.Value)
		parts[i], values[i] = y, y.Value
	}
	t.Dev.ConcatGrad(values, x.Value, sizes)
	if !parts[0].fixed {
		t.record(step{in: [3]*Var{x}, list: parts, back: func(t *Tape, s *step, _ op.Tensor) {
			t.addJoined(t.Grad(s.in[0]), t.grads(s.list))
			for _, y := range s.list {
				t.freeGrad(y)
			}
		}})
	}
	return parts
}

// swapAxes returns x [A,B,C] as [B,A,C].
func (t *Tape) swapAxes(x *Var) *Var {
	s := x.Value.Shape()
	sizes := t.sizes.take(s[1])
	for i := range sizes {
		sizes[i] = s[2]
	}
	y := t.out(s[1], s[0], s[2])
	y.fixed = y.fixed || x.fixed
	t.Dev.Zero(y.Value)
	t.Dev.ConcatGrad(t.slabs(y.Value), t.Arena.Reshape(x.Value, s[0], s[1]*s[2]), sizes)
	t.record(step{y: y, in: [3]*Var{x}, back: func(t *Tape, s *step, dy op.Tensor) {
		if dx := t.Grad(s.in[0]); dx != nil {
			n := dx.Shape()
			t.addJoined(t.Arena.Reshape(dx, n[0], n[1]*n[2]), t.slabs(dy))
		}
	}})
	return y
}

// slabs returns the matrices [A,C] of y [B,A,C].
func (t *Tape) slabs(y op.Tensor) []op.Tensor {
	s := y.Shape()
	parts := t.tensors.take(s[0])
	for i := range parts {
		parts[i] = t.Arena.Span(y, i*s[1]*s[2], s[1], s[2])
	}
	return parts
}

// addJoined adds the parts, joined along the channels, to sum.
func (t *Tape) addJoined(sum op.Tensor, parts []op.Tensor) {
	joined := t.Arena.Float32(sum.Shape()...)
	t.Dev.Concat(joined, parts...)
	t.Dev.AddScaled(sum, joined, 1)
	t.Arena.Free(joined)
}

// times returns x·wᵀ over the channels of x [...,Ci]; w [Co,Ci] is a value of the tape.
func (t *Tape) times(x, w *Var) *Var {
	y := t.channels(x, w.Value.Shape()[0])
	t.Dev.Linear(y.Value, x.Value, w.Value, nil)
	t.record(step{y: y, in: [3]*Var{x, w}, back: func(t *Tape, s *step, dy op.Tensor) {
		x, w := s.in[0], s.in[1]
		if dx := t.Grad(x); dx != nil {
			t.Dev.LinearGradInput(dx, dy, w.Value)
		}
		if dw := t.Grad(w); dw != nil {
			t.Dev.LinearGradWeight(dw, nil, x.Value, dy)
		}
	}})
	return y
}
