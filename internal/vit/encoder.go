package vit

import (
	"fmt"
	"math/rand/v2"

	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// Encoder is a vision transformer: patches become tokens, which attend to each other in
// blocks. Its parameters have the names of Hugging Face's DINOv3.
type Encoder struct {
	Embeddings *embeddings   `w:"embeddings"`
	Rope       *rope         `w:"rope"` // nil: positions are in the embeddings
	Layers     []*block      `w:"layer"`
	Norm       *nn.LayerNorm `w:"norm"`
	Tables     *nn.Derived   `w:""`

	spec Spec
}

type embeddings struct {
	Class     *nn.Param      `w:"cls_token"`
	Registers *nn.Param      `w:"register_tokens"`
	Positions *nn.Param      `w:"position_embeddings"` // nil: rotary
	Rule      *nn.Counter    `w:"position_rule"`       // a rule; nil: rotary
	Patch     *nn.Projection `w:"patch_embeddings"`
}

type rope struct {
	Periods *nn.Param `w:"periods"` // [C/Heads/4], in units of half a picture
}

// block is two residual branches, attention and an MLP, each behind a norm and scaled by
// channel (LayerScale).
type block struct {
	Norm1     *nn.LayerNorm `w:"norm1"`
	Attention attention     `w:"attention"`
	Scale1    layerScale    `w:"layer_scale1"`
	Norm2     *nn.LayerNorm `w:"norm2"`
	MLP       mlp           `w:"mlp"`
	Scale2    layerScale    `w:"layer_scale2"`
}

type attention struct {
	Q *nn.Projection `w:"q_proj"`
	K *nn.Projection `w:"k_proj"`
	V *nn.Projection `w:"v_proj"`
	O *nn.Projection `w:"o_proj"`
}

type layerScale struct {
	Lambda *nn.Param `w:"lambda1"`
}

type mlp struct {
	Up   *nn.Projection `w:"up_proj"`
	Down *nn.Projection `w:"down_proj"`
}

// New returns an encoder whose parameters nn.NewSet or nn.NewInferenceSet names and places.
func New(s Spec) *Encoder {
	c := s.Channels
	e := &Encoder{spec: s, Norm: nn.NewLayerNorm(c, s.eps()), Tables: &nn.Derived{}, Embeddings: &embeddings{
		Class: token(1, c), Patch: nn.NewPatchProjection(3, c, s.Patch),
	}}
	if s.Registers > 0 {
		e.Embeddings.Registers = token(s.Registers, c)
	}
	if s.rotary() {
		e.Rope = &rope{&nn.Param{Shape: []int{c / s.Heads / 4}, Init: periods, Role: nn.Frozen}}
	} else {
		e.Embeddings.Positions = token(1+s.Grid*s.Grid, c)
		e.Embeddings.Rule = &nn.Counter{N: int64(s.rule())}
	}
	for range s.Blocks {
		b := &block{
			Norm1: nn.NewLayerNorm(c, s.eps()), Norm2: nn.NewLayerNorm(c, s.eps()),
			Attention: attention{Q: nn.NewProjection(c, c, true), K: nn.NewProjection(c, c, !s.rotary()), V: nn.NewProjection(c, c, true), O: nn.NewProjection(c, c, true)},
			MLP:       mlp{Up: nn.NewProjection(c, s.hidden(), true), Down: nn.NewProjection(s.hidden(), c, true)},
			Scale1:    layerScale{&nn.Param{Shape: []int{c}, Init: nn.Values(1)}}, Scale2: layerScale{&nn.Param{Shape: []int{c}, Init: nn.Values(1)}},
		}
		b.Attention.O.Scale, b.MLP.Down.Scale = b.Scale1.Lambda, b.Scale2.Lambda
		e.Layers = append(e.Layers, b)
	}
	return e
}

// token is n tokens that are added to the patches or stand beside them, drawn from N(0, 0.02²).
func token(n, c int) *nn.Param {
	return &nn.Param{Shape: []int{1, n, c}, Init: func(_ []int, r *rand.Rand, v []float32) {
		for i := range v {
			v[i] = float32(0.02 * r.NormFloat64())
		}
	}}
}

// Spec is what the encoder was made of.
func (e *Encoder) Spec() Spec { return e.spec }

// Forward returns the patch tokens [B,H/p,W/p,C] after each of some blocks, counted from 1:
// x [B,H,W,3] is normalized as ImageNet, H and W are multiples of the patch p. The tokens after
// the last block, Spec.Blocks, go through the final norm; those of other blocks do not. The
// class token and the registers are left out. Nothing is recorded for a gradient.
func (e *Encoder) Forward(t *nn.Tape, x op.Tensor, blocks []int) []*nn.Var {
	s := x.Shape()
	if err := e.spec.CheckSize(s[1], s[2]); err != nil {
		panic(fmt.Sprintf("vit: %v", err))
	}
	p := pass{Encoder: e, t: t, dev: t.Dev, b: s[0], h: s[1] / e.spec.Patch, w: s[2] / e.spec.Patch}
	p.first, p.halves = 1+e.spec.Registers, e.Layers[0].Attention.Q.Frozen(t.Dev).ReadsHalves()
	p.n = p.first + p.h*p.w
	p.tables = e.Tables.Get(t.Dev, p.h, p.w, func() []nn.Table { return e.tables(t.Dev, p.h, p.w) })
	last := 0
	for _, k := range blocks {
		if k < 1 || k > e.spec.Blocks {
			panic(fmt.Sprintf("vit: %s has no block %d, it has %d", e.spec.Name, k, e.spec.Blocks))
		}
		last = max(last, k)
	}

	out := t.List(len(blocks))
	tokens := p.embed(x)
	for i, b := range e.Layers[:last] {
		tokens = p.block(b, tokens)
		for k, wanted := range blocks {
			if wanted == i+1 {
				out[k] = t.Const(p.patches(tokens, wanted == e.spec.Blocks))
			}
		}
	}
	t.Arena.Free(tokens)
	return out
}

// pass is a batch on its way through an encoder: b pictures of h×w patches, n tokens each, the
// first ones of no patch.
type pass struct {
	*Encoder
	t        *nn.Tape
	dev      op.Device
	b, h, w  int
	n, first int
	tables   []op.Tensor
	halves   bool // projections read halves
}

func (p *pass) float32(channels int) op.Tensor { return p.t.Arena.Float32(p.b, p.n, channels) }

// input is tokens that projections alone read: in halves where these round what they read.
func (p *pass) input(channels int) op.Tensor {
	if p.halves && channels%op.HalfChannels == 0 {
		return p.t.Arena.Half(p.b, p.n, channels)
	}
	return p.float32(channels)
}

// embed returns the tokens [B,N,C] of x: class, registers, and the patches with their positions.
func (p *pass) embed(x op.Tensor) op.Tensor {
	a, c := p.t.Arena, p.spec.Channels
	tokens, patch := p.float32(c), p.Embeddings.Patch.Frozen(p.dev)
	var positions op.Tensor
	if !p.spec.rotary() {
		positions = p.tables[1]
	}
	for i := range p.b {
		p.dev.Copy(a.Span(tokens, i*p.n*c, p.first, c), p.tables[0])
		p.dev.FrozenConv2D(a.Span(tokens, (i*p.n+p.first)*c, 1, p.h, p.w, c), a.Rows(x, i, i+1), patch, positions, op.NoActivation)
	}
	return tokens
}

// block gives x back and returns the tokens behind a block.
func (p *pass) block(b *block, x op.Tensor) op.Tensor {
	a, c := p.t.Arena, p.spec.Channels
	y, q, k, v := p.input(c), p.float32(c), p.float32(c), p.float32(c)
	p.norm(y, x, b.Norm1)
	p.project(q, y, b.Attention.Q, nil, op.NoActivation)
	p.project(k, y, b.Attention.K, nil, op.NoActivation)
	p.project(v, y, b.Attention.V, nil, op.NoActivation)
	if p.spec.rotary() {
		p.dev.RotaryEmbedding(q, p.tables[1], p.tables[2], p.spec.Heads)
		p.dev.RotaryEmbedding(k, p.tables[1], p.tables[2], p.spec.Heads)
	}
	p.dev.SelfAttention(y, nil, q, k, v, p.spec.Heads)
	a.Free(k)
	a.Free(v)
	p.project(q, y, b.Attention.O, x, op.NoActivation)
	p.norm(y, q, b.Norm2)
	hidden := p.input(p.spec.hidden())
	p.project(hidden, y, b.MLP.Up, nil, op.GELUActivation)
	p.project(x, hidden, b.MLP.Down, q, op.NoActivation)
	a.Free(hidden)
	a.Free(q)
	a.Free(y)
	return x
}

func (p *pass) norm(y, x op.Tensor, l *nn.LayerNorm) {
	a, rows := p.t.Arena, op.Len(x)/op.Last(x)
	mean, rstd := a.Float32(rows), a.Float32(rows)
	p.dev.LayerNorm(y, mean, rstd, x, l.Weight.Value, l.Bias.Value, l.Eps)
	a.Free(mean)
	a.Free(rstd)
}

// project computes y = activation(l(x) + residual) over all tokens; residual may be nil, and is not y.
func (p *pass) project(y, x op.Tensor, l *nn.Projection, residual op.Tensor, activation op.Activation) {
	flat := func(v op.Tensor) op.Tensor { return p.t.Arena.Reshape(v, 1, 1, p.b*p.n, op.Last(v)) }
	if residual != nil {
		residual = flat(residual)
	}
	p.dev.FrozenConv2D(flat(y), flat(x), l.Frozen(p.dev), residual, activation)
}

// patches returns the tokens of patches as a map, normed or not.
func (p *pass) patches(tokens op.Tensor, normed bool) op.Tensor {
	a, c := p.t.Arena, p.spec.Channels
	out := a.Float32(p.b, p.h, p.w, c)
	for i := range p.b {
		to, from := a.Rows(out, i, i+1), a.Span(tokens, (i*p.n+p.first)*c, 1, p.h, p.w, c)
		if normed {
			p.norm(to, from, p.Norm)
		} else {
			p.dev.Copy(to, from)
		}
	}
	return out
}
