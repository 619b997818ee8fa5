package nn

import (
	"slices"

	"hdmnet/internal/op"
)

// frozenPyramid is a ConvBN over [x, up(p_1), …, up(p_L)] split by the parts of its input.
type frozenPyramid struct {
	own    op.FrozenConv   // 3×3 over x, with the bias
	levels []op.FrozenConv // 1×1 from p_l to its products with the nine taps, [9·Co,1,1,C_l]
}

// NewPyramidConv returns the ConvBN of a PyramidConv: 3×3, over the channels of x, p_1, …,
// p_L, to out channels, without bias.
func NewPyramidConv(out int, parts ...int) *ConvBN {
	in := 0
	for _, n := range parts {
		in += n
	}
	c := NewConvBN(in, out, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}, false)
	c.inputs = parts
	return c
}

// PyramidConv returns norm(conv3×3([x, up(p_1), …, up(p_L)])): x [B,h,w,C] followed by
// small maps p_l [B,n_l,n_l,C_l], resized to h×w with aligned corners. The wide map is never
// made: the small maps are multiplied with the weights first and their products spread
// (op.PyramidSpread), which is the same by linearity. c is of NewPyramidConv.
func (t *Tape) PyramidConv(x *Var, levels []*Var, c *ConvBN) *Var {
	s := x.Value.Shape()
	if !t.folds(c) {
		z := t.pyramidProduct(x, levels, c)
		y := t.BatchNorm(z, c.Norm)
		t.Free(z)
		return y
	}
	if c.pyramid == nil {
		w, b := c.fold(t.Dev)
		c.prepare(t.Dev, w, b)
	}
	products, values := t.lists.take(len(levels)), t.tensors.take(len(levels))
	for i, p := range levels {
		q := t.convolved(p, c.pyramid.levels[i].Shape(), c.pyramid.levels[i].Params())
		t.Dev.FrozenConv2D(q.Value, p.Value, c.pyramid.levels[i], nil, op.NoActivation)
		products[i], values[i] = q, q.Value
	}
	co := c.Conv.Weight.Shape[0]
	y := t.frozenMap(x, c.pyramid.own.Shape(), c.Conv.Params, nil)
	spread := t.of(y, s[0], s[1], s[2], co)
	t.Dev.PyramidSpread(spread.Value, values)
	t.Free(products...)
	t.Dev.FrozenConv2D(y.Value, x.Value, c.pyramid.own, spread.Value, op.NoActivation)
	t.Free(spread)
	return y
}

// splitPyramid splits the folded weights [Co,3,3,C+ΣC_l] by channels.
func (c *ConvBN) splitPyramid(dev op.Device, w, b []float32) *frozenPyramid {
	co, all := len(b), len(w)/(9*len(b))
	f := &frozenPyramid{}
	first := 0
	part := make([]float32, 9*co*slices.Max(c.inputs))
	for l, n := range c.inputs {
		part := part[:9*co*n]
		for i := range 9 * co {
			to := i // [Co,3,3,C]
			if l > 0 {
				to = i%9*co + i/9 // [3,3,Co,C_l]: the order in which the products are spread
			}
			copy(part[to*n:][:n], w[i*all+first:])
		}
		if l == 0 {
			f.own = freeze(dev, c.Conv.Weight, part, b, []int{co, 3, 3, n}, c.Conv.Params)
		} else {
			f.levels = append(f.levels, freeze(dev, c.Conv.Weight, part, nil, []int{9 * co, 1, 1, n}, op.ConvParams{Stride: 1, Dilation: 1}))
		}
		first += n
	}
	return f
}
