package model

import "hdmnet/internal/nn"

// Cost is the floating-point operations of one K-shot episode as the release computes it:
// 2·k²·Ci·Co·h·w for a convolution, 2·M·N·K for a matrix product, and nothing else. It is
// a measure of the work asked for: what a program leaves out by computing the same in
// another way does not lower it.
type Cost struct {
	Backbone    float64 // of the query and the K supports
	Head        float64 // the base learner's 3×3 convolution, likewise, and the classifier of the query
	Prior       float64 // both cosines of every query position with every support position
	Gram        float64 // of the query and the K supports
	Projections float64 // down_query, down_supp, query_merge, supp_merge
	Transformer float64

	frozenInput float64 // of Projections: those whose input needs no gradient
}

// Forward is the operations of an evaluation.
func (c Cost) Forward() float64 {
	return c.Backbone + c.Head + c.Prior + c.Gram + c.Projections + c.Transformer
}

// Backward is the operations of the gradients in the meta stage: of every trained product
// two more, one for each factor, but one for those whose input is frozen.
func (c Cost) Backward() float64 { return 2*(c.Projections+c.Transformer) - c.frozenInput }

// EpisodeCost is the cost of a network's episode with square images of the given side.
func EpisodeCost(o Options, size int) (Cost, error) {
	n, err := NewHDMNet(o)
	if err != nil {
		return Cost{}, err
	}
	images, shots := float64(1+o.Shots), float64(o.Shots)
	backbone, side := n.Base.Backbone.cost(size)
	c := Cost{Backbone: images * backbone}
	head, _ := convCost(n.Base.Cls.Conv, side)
	positions := float64(side * side)
	c.Head = images*head + linearCost(n.Classifier, positions)
	c2, _, c4 := n.Base.Backbone.channels()
	c.Prior = shots * 2 * positions * positions * float64(c4+backboneNamed(o.Backbone).headWidth)
	c.Gram = images * 2 * positions * float64(c2) * float64(c2)
	c.frozenInput = linearCost(n.DownQuery, positions) + shots*linearCost(n.DownSupp, positions)
	c.Projections = c.frozenInput + linearCost(n.QueryMerge, positions) + shots*linearCost(n.SuppMerge, positions)
	c.Transformer = n.Transformer.Mix.cost(side, shots)
	return c, nil
}

// convCost is the cost of a convolution over a map of the given side, and the side of its
// output.
func convCost(c *nn.Conv2D, side int) (flop float64, out int) {
	s := c.Weight.Shape
	out = c.Params.Out(side, s[2])
	return 2 * float64(out*out) * float64(s[0]*s[1]*s[2]*s[3]), out
}

func linearCost(l *nn.Linear, positions float64) float64 {
	return 2 * positions * float64(l.Weight.Shape[0]*l.Weight.Shape[1])
}

// cost is the cost of one image and the side of its features.
func (r *resNet) cost(size int) (flop float64, side int) {
	side = size
	add := func(c *nn.ConvBN) {
		f, out := convCost(c.Conv, side)
		flop, side = flop+f, out
	}
	add(r.Stem0)
	add(r.Stem1)
	add(r.Stem2)
	side = stemPool.Out(side)
	for _, layer := range [][]*bottleneck{r.Layer1, r.Layer2, r.Layer3, r.Layer4} {
		for _, b := range layer {
			if b.Downsample != nil {
				f, _ := convCost(b.Downsample.Conv, side)
				flop += f
			}
			add(b.Conv1)
			add(b.Conv2)
			add(b.Conv3)
		}
	}
	return flop, side
}

// cost is the cost of one image and the side of its features.
func (v *vgg) cost(size int) (flop float64, side int) {
	side = size
	group := func(pool bool, convs ...*nn.ConvBN) {
		for _, c := range convs {
			f, out := convCost(c.Conv, side)
			flop, side = flop+f, out
		}
		if pool {
			side = vggPool.Out(side)
		}
	}
	group(true, v.Layer0.Conv0, v.Layer0.Conv1)
	group(true, v.Layer1.Conv0, v.Layer1.Conv1)
	group(true, v.Layer2.Conv0, v.Layer2.Conv1, v.Layer2.Conv2)
	group(true, v.Layer3.Conv0, v.Layer3.Conv1, v.Layer3.Conv2)
	group(false, v.Layer4.Conv0, v.Layer4.Conv1, v.Layer4.Conv2)
	return flop, side
}

// cost is the cost of one query and its supports with merged features of the given side.
func (m *mixTransformer) cost(side int, shots float64) float64 {
	images, flop := 1+shots, 0.0
	for i, s := range m.Stages {
		f, out := convCost(s.Embed.Projection, side)
		side = out
		for _, e := range []*encoderLayer{s.Layer1, s.Layer2} {
			f += e.selfCost(side)
		}
		flop += images * f

		match, n := m.Match[i], float64(side*side)
		if m.Adaptors != nil {
			flop += m.Adaptors[i].cost(n, shots)
		}
		e := match.Match
		flop += linearCost(e.Attn.Attn.Q, n) + linearCost(e.Attn.Attn.O, n) +
			shots*(linearCost(e.Attn.Attn.K, n)+linearCost(e.Attn.Attn.V, n)) + 4*n*shots*n*dim + e.FFN.cost(n)
		merge, _ := convCost(match.Merge.Conv, side)
		flop += merge + collapsedCost(m.Parse[i].Conv, side)
		if i == 0 {
			flop += collapsedCost(m.Cls, side)
		}
	}
	return flop
}

// cost is the cost of n positions of a query, and as many of each support.
func (a *adaptor) cost(n, shots float64) float64 {
	contrast := 2*linearCost(a.K, 1) + linearCost(a.Q, 1)*shots
	for _, side := range []struct {
		r      *rectifier
		images float64
	}{{a.Query, 1}, {a.Support, shots}} {
		contrast += side.images * (linearCost(side.r.Merge, 1) + side.r.FFN.cost(1))
	}
	return contrast * n
}

// selfCost is the cost of a layer of self-attention over a map.
func (e *encoderLayer) selfCost(side int) float64 {
	n := float64(side * side)
	keys, flop := n, 0.0
	if e.Attn.SR != nil {
		f, out := convCost(e.Attn.SR, side)
		flop, keys = f, float64(out*out)
	}
	a := e.Attn.Attn
	return flop + linearCost(a.Q, n) + linearCost(a.K, keys) + linearCost(a.V, keys) + linearCost(a.O, n) + 4*n*keys*dim + e.FFN.cost(n)
}

func (f *feedForward) cost(n float64) float64 {
	return linearCost(f.Expand, n) + 2*9*n*float64(f.Depthwise.Weight.Shape[0]) + linearCost(f.Project, n)
}

// collapsedCost is the cost of the three convolutions one after the other.
func collapsedCost(c *nn.CollapsedConv, side int) float64 {
	n := float64(side * side)
	conv, _ := convCost(c.Conv, side)
	return linearCost(c.Expand, n) + conv + linearCost(c.Project, n)
}
