package model

import (
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

const (
	dim          = 64 // channels of the transformer
	layerNormEps = 1e-6
	tokenDropout = 0.1
	matchHeads   = 2
)

// attention holds the four projections, without bias.
type attention struct {
	Q *nn.Linear `w:"linear_q"`
	K *nn.Linear `w:"linear_k"`
	V *nn.Linear `w:"linear_v"`
	O *nn.Linear `w:"linear_o"`
}

// attentionBlock is attention whose keys and values may be reduced in space by sr.
type attentionBlock struct {
	Attn attention     `w:"attn"`
	SR   *nn.Conv2D    `w:"sr"`   // sr×sr, stride sr; nil without reduction
	Norm *nn.LayerNorm `w:"norm"` // after SR
}

// feedForward is 1×1 (×4), depthwise 3×3, GELU, 1×1.
type feedForward struct {
	Expand    *nn.Linear        `w:"layers.0"`
	Depthwise *nn.DepthwiseConv `w:"layers.1"`
	Project   *nn.Linear        `w:"layers.4"`
}

func newFeedForward() feedForward {
	return feedForward{Expand: nn.NewPointwise(dim, 4*dim, true), Depthwise: nn.NewDepthwiseConv(4 * dim), Project: nn.NewPointwise(4*dim, dim, true)}
}

// encoderLayer is x + drop(Attn(LN x)), then x + FFN(LN x).
type encoderLayer struct {
	Norm1 *nn.LayerNorm  `w:"norm1"`
	Attn  attentionBlock `w:"attn"`
	Norm2 *nn.LayerNorm  `w:"norm2"`
	FFN   feedForward    `w:"ffn"`
	heads int
}

func newEncoderLayer(heads, sr int) *encoderLayer {
	linear := func() *nn.Linear { return nn.NewLinear(dim, dim, false) }
	e := &encoderLayer{
		Norm1: nn.NewLayerNorm(dim, layerNormEps),
		Attn:  attentionBlock{Attn: attention{linear(), linear(), linear(), linear()}},
		Norm2: nn.NewLayerNorm(dim, layerNormEps),
		FFN:   newFeedForward(),
		heads: heads,
	}
	if sr > 1 {
		e.Attn.SR = nn.NewConv2D(dim, dim, sr, op.ConvParams{Stride: sr, Dilation: 1}, true)
		e.Attn.Norm = nn.NewLayerNorm(dim, layerNormEps)
	}
	return e
}

// self is the layer with attention of x [B,h,w,64] over itself; n is x normalized by Norm1.
// Where a is not nil the supports' foreground and background keep apart. It returns the
// result, and the result normalized by next.
func (e *encoderLayer) self(t *nn.Tape, x, n *nn.Var, next *nn.LayerNorm, a *apart) (out, normed *nn.Var) {
	kv := n
	if e.Attn.SR != nil {
		r := t.Conv2D(n, e.Attn.SR)
		kv = t.LayerNorm(r, e.Attn.Norm)
		t.Free(r)
	}
	q, k, v := e.project(t, n, kv)
	h, w := kv.Value.Shape()[1], kv.Value.Shape()[2]
	t.Free(n, kv)
	var y *nn.Var
	if size := x.Value.Shape(); a != nil {
		y = t.ApartAttention(q, k, v, a.tokens(t, size[1], size[2], false), a.tokens(t, h, w, true), apartPenalty, e.heads)
	} else {
		y = t.SelfAttention(q, k, v, e.heads)
	}
	t.Free(q, k, v)
	return e.finish(t, x, y, next)
}

// cross is the matching layer: queries from x [B,h,w,64], keys and values from the
// supports' tokens [B,M,64] under mask [B,M]; what is matched is multiplied by scale. It
// also returns the correlation map [B,h·w].
func (e *encoderLayer) cross(t *nn.Tape, x, support *nn.Var, mask op.Tensor, scale float32) (y, corr *nn.Var) {
	n, s := t.LayerNorm(x, e.Norm1), t.LayerNorm(support, e.Norm1)
	q, k, v := e.project(t, n, s)
	t.Free(n, s)
	y, corr = t.MaskedCorrelation(q, k, v, mask, e.heads)
	t.Free(q, k, v)
	if scale != 1 {
		joint := y
		y = t.Scale(joint, scale)
		t.Free(joint)
	}
	y, _ = e.finish(t, x, y, nil)
	return y, corr
}

// project returns q [B,N,64], k and v [B,M,64].
func (e *encoderLayer) project(t *nn.Tape, x, source *nn.Var) (q, k, v *nn.Var) {
	tokens := func(x *nn.Var) *nn.Var {
		b := x.Value.Shape()[0]
		return t.Reshape(x, b, op.Len(x.Value)/b/dim, dim)
	}
	return t.Linear(tokens(x), e.Attn.Attn.Q), t.Linear(tokens(source), e.Attn.Attn.K), t.Linear(tokens(source), e.Attn.Attn.V)
}

// finish projects the attention's output y, adds the residual x and runs the FFN. It returns
// the result, and the result normalized by next unless that is nil.
func (e *encoderLayer) finish(t *nn.Tape, x, y *nn.Var, next *nn.LayerNorm) (out, normed *nn.Var) {
	o := t.Linear(y, e.Attn.Attn.O)
	t.Free(y)
	z, n := t.AddNorm(x, o, tokenDropout, e.Norm2)
	t.Free(o)
	return e.FFN.forward(t, z, n, next)
}

// forward adds the FFN of n, which is x normalized, to x. It returns the sum, and the sum
// normalized by next unless that is nil; x and n are freed.
func (f *feedForward) forward(t *nn.Tape, x, n *nn.Var, next *nn.LayerNorm) (out, normed *nn.Var) {
	h := t.Linear(n, f.Expand)
	t.Free(n)
	g := t.DepthwiseGELU(h, f.Depthwise, tokenDropout)
	t.Free(h)
	p := t.Linear(g, f.Project)
	t.Free(g)
	out, normed = t.AddNorm(x, p, tokenDropout, next)
	t.Free(x, p)
	return out, normed
}

// encoderStage is patch embedding, two encoder layers and a norm.
type encoderStage struct {
	Embed  patchEmbed    `w:"0"`
	Layer1 *encoderLayer `w:"1"`
	Layer2 *encoderLayer `w:"2"`
	Norm   *nn.LayerNorm `w:"3"`
}

type patchEmbed struct {
	Projection *nn.Conv2D    `w:"projection"`
	Norm       *nn.LayerNorm `w:"norm"`
}

func (s *encoderStage) forward(t *nn.Tape, x *nn.Var, keep *apart) *nn.Var {
	p := t.Conv2D(x, s.Embed.Projection)
	a := t.LayerNorm(p, s.Embed.Norm)
	t.Free(p)
	b, n := s.Layer1.self(t, a, t.LayerNorm(a, s.Layer1.Norm1), s.Layer2.Norm1, keep)
	t.Free(a)
	a, y := s.Layer2.self(t, b, n, s.Norm, keep)
	t.Free(a, b)
	return y
}

// matchLayer is one matching layer and the convolution that takes in the prior.
type matchLayer struct {
	Match *encoderLayer `w:"0"`
	Merge *nn.ConvBN    `w:"1.conv+bn"`
}

// parseLayer is 1×1, BN, 3×3, BN, 1×1 without activations in between, then BN and ReLU.
type parseLayer struct {
	Conv *nn.CollapsedConv `w:""`
	Norm *nn.BatchNorm     `w:"5"`
}

// mixTransformer runs three self-attention stages on query and supports, then matches
// them from coarse to fine.
type mixTransformer struct {
	Stages   []*encoderStage   `w:"down_sample_layers"`
	Adaptors []*adaptor        `w:"adaptors"` // one before each matching layer, or none
	Match    []*matchLayer     `w:"match_layers"`
	Parse    []*parseLayer     `w:"parse_layers"`
	Cls      *nn.CollapsedConv `w:"cls"` // to the two classes
}

func newMixTransformer(ambiguity bool) *mixTransformer {
	m := &mixTransformer{}
	same := op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}
	for _, s := range []struct{ kernel, stride, heads, sr int }{{1, 1, 2, 4}, {3, 2, 4, 2}, {3, 2, 8, 1}} {
		m.Stages = append(m.Stages, &encoderStage{
			Embed: patchEmbed{
				Projection: nn.NewConv2D(dim, dim, s.kernel, op.ConvParams{Stride: s.stride, Pad: s.stride / 2, Dilation: 1}, true),
				Norm:       nn.NewLayerNorm(dim, layerNormEps),
			},
			Layer1: newEncoderLayer(s.heads, s.sr), Layer2: newEncoderLayer(s.heads, s.sr), Norm: nn.NewLayerNorm(dim, layerNormEps),
		})
		if ambiguity {
			m.Adaptors = append(m.Adaptors, newAdaptor())
		}
		merge := nn.NewConvBN(dim+2, dim, 3, same, false)
		merge.Conv.Weight.Init = nn.KaimingFanOut
		m.Match = append(m.Match, &matchLayer{Match: newEncoderLayer(matchHeads, 1), Merge: merge})
		m.Parse = append(m.Parse, &parseLayer{Conv: nn.NewCollapsedConv(dim, 4*dim, dim), Norm: nn.NewBatchNorm(dim)})
	}
	m.Cls = nn.NewCollapsedConv(dim, 4*dim, 2)
	return m
}

func (p *parseLayer) forward(t *nn.Tape, x *nn.Var) *nn.Var {
	a := t.CollapsedConv(x, p.Conv)
	b := t.BatchNorm(a, p.Norm)
	t.Free(a)
	y := t.ReLU(b)
	t.Free(b)
	return y
}

// forward fills in the meta logits [B,h,w,2], the correlation maps [B,h_i,w_i,1] and the
// contrasts, coarse to fine, of the merged features and the prior of net. masks are the
// sides of the supports, scale is that of cross.
func (m *mixTransformer) forward(t *nn.Tape, net *Output, masks sides, scale float32) {
	q, s := net.QueryMerge, net.SuppMerge
	x := t.JoinRows(q, s)
	levels := t.List(len(m.Stages))
	net.Maps, net.Contrasts = t.List(len(m.Stages)), t.List(len(m.Adaptors))
	var keep *apart
	if m.Adaptors != nil {
		keep = &apart{masks, q.Value.Shape()[0]}
	}
	levels[0] = m.Stages[0].forward(t, x, keep)
	var fine, coarse *nn.Var
	// The finest level is matched while the others are made, of a quarter and a sixteenth of its size.
	t.Branches(op.FirstBranch, func() {
		for i, st := range m.Stages[1:] {
			levels[i+1] = st.forward(t, levels[i], keep)
		}
		for i := len(levels) - 1; i > 0; i-- {
			z := m.match(t, net, i, levels[i], masks, scale)
			t.Free(levels[i])
			coarse = m.parse(t, i, z, coarse)
		}
	}, func() { fine = m.match(t, net, 0, levels[0], masks, scale) })
	t.Free(levels[0])
	out := m.parse(t, 0, fine, coarse)
	net.Meta = t.CollapsedConv(out, m.Cls)
	t.Free(out)
}

// match matches queries with supports at a level [B+B·K,h,w,64] and takes in the prior: [B,h,w,64].
// It fills in the level's correlation map and contrast.
func (m *mixTransformer) match(t *nn.Tape, net *Output, i int, level *nn.Var, masks sides, scale float32) *nn.Var {
	size := level.Value.Shape()
	b, images, h, w := net.QueryMerge.Value.Shape()[0], size[0], size[1], size[2]
	coarser := len(m.Stages) - 1 - i
	near := masks.resized(t, h, w)
	query, support := t.Rows(level, 0, b), t.Rows(level, b, images)
	if m.Adaptors != nil {
		query, support, net.Contrasts[coarser] = m.Adaptors[i].forward(t, query, support, near)
	}
	k := images/b - 1
	y, corr := m.Match[i].Match.cross(t, query, t.Reshape(support, b, k*h*w, dim), t.Arena.Reshape(near.fg, b, k*h*w), scale)
	if m.Adaptors != nil {
		t.Free(query, support)
	}
	net.Maps[coarser] = t.Reshape(corr, b, h, w, 1)
	cat := t.Concat(y, t.Resize(net.Similarity, h, w, true))
	z := t.ConvBN(cat, m.Match[i].Merge, nil, true)
	t.Free(y, cat)
	return z
}

// parse adds what the coarser level gives, nil for the coarsest, to the level z, which it frees.
func (m *mixTransformer) parse(t *nn.Tape, i int, z, coarser *nn.Var) *nn.Var {
	if coarser == nil {
		out := m.Parse[i].forward(t, z)
		t.Free(z)
		return out
	}
	size := z.Value.Shape()
	up := t.Resize(coarser, size[1], size[2], false)
	sum := t.Add(z, up)
	p := m.Parse[i].forward(t, sum)
	out := t.Add(up, p)
	t.Free(z, sum, p)
	if up != coarser {
		t.Free(up)
	}
	t.Free(coarser)
	return out
}
