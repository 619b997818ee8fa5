package model

import (
	"fmt"

	"hdmnet/internal/onnx"
)

// The whole of this file says in ONNX's operators what match, similarity, ensemble and the
// transformer compute.

// encode reads supports: images [E,K,3,S,S], masks [E,K,S,S].
func (d *drawing) encode(images, masks onnx.Value) (s encoded) {
	side := d.o.Size
	d.at("support")
	sets := d.extents(masks, 0, 2) // E and K
	// split turns what is of E·K supports into [E,K,rest…].
	split := func(x onnx.Value, rest ...int) onnx.Value {
		return d.do("Reshape", nil, x, d.concat(0, sets, d.g.Ints(rest...)))
	}
	isObject := d.do("Equal", nil, d.reshape(masks, -1, side, side), d.do("Cast", attrs(onnx.Int("to", int(onnx.Uint8))), d.g.Ints(1)))
	mask := d.do("Cast", attrs(onnx.Int("to", int(onnx.Float))), isObject)
	full := d.reshape(mask, 0, 1, side, side)
	f := d.features(d.times(d.reshape(images, -1, 3, side, side), full), false)

	d.at("support")
	h, w := f.f4.h, f.f4.w
	near := d.reshape(d.nearest(mask, h, w), 0, 1, h, w)
	for i, x := range []drawnMap{f.f5, f.f4} {
		s.prior[i] = split(d.unit(d.times(x.v, near), 1), x.c, h*w)
	}
	soft := d.resize(drawnMap{full, 1, side, side}, h, w, true).v
	total := d.plus(d.sum(soft, 0, 2, 3), d.g.Scalar(0.0005))
	prototype := d.over(d.sum(d.times(f.down.v, soft), 0, 2, 3), total)
	s.prototype = split(prototype, projected)
	s.style = split(d.gram(f.f2), f.f2.c, f.f2.c)

	merged := d.pointwise(drawnMap{d.concat(1, f.down.v, d.everywhere(prototype, f.down)), 2 * projected, h, w}, d.n.SuppMerge)
	x := drawnMap{d.relu(merged.v), dim, h, w}
	m := d.n.Transformer.Mix
	for i, st := range m.Stages {
		d.at(fmt.Sprintf("support/stage%d", i))
		x = d.stage(st, x)
		match := m.Match[i].Match
		tokens := d.layerNorm(d.tokens(x), match.Norm1)
		n := x.h * x.w
		k := d.reshape(d.matmul(tokens, d.kernel(match.Attn.Attn.K.Weight)), 0, n, match.heads, dim/match.heads)
		s.keys[i] = split(d.reshape(d.unit(k, 3), 0, n, dim), n, dim)
		object := d.reshape(d.nearest(mask, x.h, x.w), 0, n, 1)
		s.values[i] = split(d.times(d.matmul(tokens, d.kernel(match.Attn.Attn.V.Weight)), object), n, dim)
	}
	return s
}

// gram is op.Gram of a map: [N,c,c].
func (d *drawing) gram(x drawnMap) onnx.Value {
	rows := d.reshape(x.v, 0, x.c, x.h*x.w)
	length := d.do("ReduceL2", attrs(onnx.Int("keepdims", 1), onnx.Ints("axes", 2)), rows)
	both := d.plus(d.matmul(length, d.transpose(length, 0, 2, 1)), d.g.Scalar(1e-7))
	return d.over(d.matmul(rows, d.transpose(rows, 0, 2, 1)), both)
}

// segment is `final` [B,2,h,w] of queries [B,3,S,S].
func (d *drawing) segment(query onnx.Value, s encoded) drawnMap {
	f := d.features(query, true)
	h, w := f.f4.h, f.f4.w

	d.at("prior")
	var priors []onnx.Value
	for i, x := range []drawnMap{f.f5, f.f4} {
		rows := d.reshape(d.transpose(d.unit(d.reshape(x.v, 0, x.c, h*w), 1), 0, 2, 1), 0, 1, h*w, x.c) // [B,1,N,C]
		best := d.do("ReduceMax", attrs(onnx.Int("keepdims", 0), onnx.Ints("axes", 3)), d.matmul(rows, s.prior[i]))
		priors = append(priors, d.reshape(d.mean(best, 0, 1), 0, 1, h, w))
	}
	similarity := drawnMap{d.concat(1, priors...), 2, h, w}

	d.at("projections")
	tenfold := d.times(similarity.v, d.g.Scalar(10))
	wide := d.concat(1, f.down.v, d.everywhere(d.mean(s.prototype, 0, 1), f.down), tenfold)
	merged := d.pointwise(drawnMap{wide, 2*projected + 2, h, w}, d.n.QueryMerge)
	meta := d.mix(drawnMap{d.relu(merged.v), dim, h, w}, s, similarity)

	d.at("ensemble")
	base := d.pointwise(drawnMap{d.relu(f.f5.v), f.f5.c, h, w}, d.n.Classifier)
	probability := d.softmax(base.v, 1)
	known := d.do("Slice", nil, probability, d.g.Ints(1), d.g.Ints(base.c), d.g.Ints(1))
	return drawnMap{d.ensemble(d.softmax(meta.v, 1), d.sum(known, 1, 1), d.psi(d.gram(f.f2), f.f2.c, s.style)), 2, h, w}
}

// ensemble is op.Ensemble: meta [B,2,h,w], base [B,1,h,w], psi [B].
func (d *drawing) ensemble(meta, base, psi onnx.Value) onnx.Value {
	weight := func(name string, l []float32, i int) onnx.Value {
		return d.g.Floats(fmt.Sprintf("%s.%d", name, i), nil, func() []float32 { return l[i : i+1] })
	}
	gram, cls := d.o.Values(d.n.GramMerge.Weight), d.o.Values(d.n.ClsMerge.Weight)
	style := d.times(d.reshape(psi, -1, 1, 1, 1), weight("gram_merge", gram, 1))
	both := d.plus(d.times(meta, weight("gram_merge", gram, 0)), style)
	part := func(i int) onnx.Value {
		return d.do("Slice", nil, both, d.g.Ints(i), d.g.Ints(i+1), d.g.Ints(1))
	}
	background := d.plus(d.times(part(0), weight("cls_merge", cls, 0)), d.times(base, weight("cls_merge", cls, 1)))
	return d.concat(1, background, part(1))
}

// psi is the estimate [B] of how the scenes differ, of the queries' and the supports' Gram matrices.
func (d *drawing) psi(query onnx.Value, c int, support onnx.Value) onnx.Value {
	diff := d.do("Sub", nil, d.reshape(query, 0, 1, c, c), support)
	distance := d.over(d.do("Sqrt", nil, d.sum(d.times(diff, diff), 0, 2, 3)), d.g.Scalar(float32(c))) // [B,K]
	if !d.n.weighsShots() {
		return d.mean(distance, 0, 1)
	}
	k := d.n.KShot
	sorted := d.do("TopK", attrs(onnx.Int("axis", 1), onnx.Int("largest", 0), onnx.Int("sorted", 1)), distance, d.g.Ints(d.n.shots))
	rows := d.reshape(sorted, -1, d.n.shots, 1, 1)
	hidden := d.pointwise(drawnMap{rows, d.n.shots, 1, 1}, k.Squeeze)
	weights := d.pointwise(drawnMap{d.relu(hidden.v), 2, 1, 1}, k.Expand)
	return d.sum(d.times(d.softmax(d.reshape(weights.v, -1, d.n.shots), 1), distance), 0, 1)
}

// mix is mixTransformer.forward on queries: the meta logits [B,2,h,w].
func (d *drawing) mix(x drawnMap, s encoded, similarity drawnMap) drawnMap {
	m := d.n.Transformer.Mix
	var levels []drawnMap
	for i, st := range m.Stages {
		d.at(fmt.Sprintf("query/stage%d", i))
		x = d.stage(st, x)
		levels = append(levels, x)
	}
	var out drawnMap
	for i := len(levels) - 1; i >= 0; i-- {
		l := levels[i]
		d.at(fmt.Sprintf("match%d", i))
		y := d.cross(m.Match[i].Match, l, s.keys[i], s.values[i])
		prior := d.resize(similarity, l.h, l.w, true)
		z := d.convBN(drawnMap{d.concat(1, y.v, prior.v), dim + 2, l.h, l.w}, m.Match[i].Merge, true)
		parse := func(x drawnMap) drawnMap {
			x = d.collapsed(x, m.Parse[i].Conv, m.Parse[i].Norm)
			return drawnMap{d.relu(x.v), x.c, x.h, x.w}
		}
		if i == len(levels)-1 {
			out = parse(z)
			continue
		}
		up := d.resize(out, l.h, l.w, false)
		z.v = d.plus(z.v, up.v)
		out = parse(z)
		out.v = d.plus(up.v, out.v)
	}
	return d.collapsed(out, m.Cls, nil)
}

func (d *drawing) stage(s *encoderStage, x drawnMap) drawnMap {
	x = d.conv2D(x, s.Embed.Projection)
	x = d.grid(d.layerNorm(d.tokens(x), s.Embed.Norm), x)
	for _, l := range []*encoderLayer{s.Layer1, s.Layer2} {
		x = d.self(l, x)
	}
	return d.grid(d.layerNorm(d.tokens(x), s.Norm), x)
}

// heads is x [N,M,64] as [N,heads,M,d].
func (d *drawing) heads(x onnx.Value, n int) onnx.Value {
	return d.transpose(d.reshape(x, 0, -1, n, dim/n), 0, 2, 1, 3)
}

// joined is x [N,heads,M,d] as [N,M,64].
func (d *drawing) joined(x onnx.Value) onnx.Value {
	return d.reshape(d.transpose(x, 0, 2, 1, 3), 0, -1, dim)
}

func (d *drawing) self(e *encoderLayer, x drawnMap) drawnMap {
	n := d.layerNorm(d.tokens(x), e.Norm1)
	source := n
	if e.Attn.SR != nil {
		r := d.conv2D(d.grid(n, x), e.Attn.SR)
		source = d.layerNorm(d.tokens(r), e.Attn.Norm)
	}
	a := e.Attn.Attn
	q, k, v := d.matmul(n, d.kernel(a.Q.Weight)), d.matmul(source, d.kernel(a.K.Weight)), d.matmul(source, d.kernel(a.V.Weight))
	// √(heads/64) = 1/√d, of the d channels of a head.
	root := d.do("Sqrt", nil, d.g.Scalar(float32(e.heads)/dim))
	keys := d.transpose(d.reshape(k, 0, -1, e.heads, dim/e.heads), 0, 2, 3, 1)
	p := d.softmax(d.matmul(d.times(d.heads(q, e.heads), root), keys), 3)
	return d.finish(e, x, d.joined(d.matmul(p, d.heads(v, e.heads))))
}

// cross is encoderLayer.cross. The scores are kept as [B,heads,M,N], so that the softmax
// over the queries is one over the last axis; what lies outside the masks is 0 in values.
func (d *drawing) cross(e *encoderLayer, x drawnMap, keys, values onnx.Value) drawnMap {
	n := d.layerNorm(d.tokens(x), e.Norm1)
	q := d.heads(d.matmul(n, d.kernel(e.Attn.Attn.Q.Weight)), e.heads)
	q = d.transpose(d.times(d.unit(q, 3), d.g.Scalar(1/correlationTemperature)), 0, 1, 3, 2) // [B,heads,d,N]
	k := d.heads(d.reshape(keys, 0, -1, dim), e.heads)                                       // [E,heads,K·M,d]
	v := d.transpose(d.reshape(values, 0, -1, e.heads, dim/e.heads), 0, 2, 3, 1)             // [E,heads,d,K·M]
	y := d.matmul(v, d.softmax(d.matmul(k, q), 3))                                           // [B,heads,d,N]
	y = d.reshape(d.transpose(y, 0, 3, 1, 2), 0, -1, dim)
	return d.finish(e, x, d.fused(y, keys))
}

// correlationTemperature divides the cosines of op.MaskedCorrelation.
const correlationTemperature = 0.1

// fused multiplies what all supports sum to by fusion.scale of their number.
func (d *drawing) fused(y, keys onnx.Value) onnx.Value {
	if d.o.Shots > 0 {
		if scale := d.n.fusion.scale(d.o.Shots); scale != 1 {
			return d.times(y, d.g.Scalar(scale))
		}
		return y
	}
	if d.n.fusion.way == FusionScaled || d.n.fusion.way == FusionAuto {
		k := d.do("Cast", attrs(onnx.Int("to", int(onnx.Float))), d.extents(keys, 1, 2))
		return d.times(y, d.over(d.g.Scalar(float32(d.n.fusion.trained)), k))
	}
	return y
}

func (d *drawing) finish(e *encoderLayer, x drawnMap, y onnx.Value) drawnMap {
	z := d.plus(d.tokens(x), d.matmul(y, d.kernel(e.Attn.Attn.O.Weight)))
	f := d.pointwise(d.grid(d.layerNorm(z, e.Norm2), x), e.FFN.Expand)
	dw := e.FFN.Depthwise
	f = d.convolve(f, d.param(dw.Weight), d.param(dw.Bias), dw.Weight.Shape, depthwise3x3, f.c)
	f.v = d.gelu(f.v)
	f = d.pointwise(f, e.FFN.Project)
	return drawnMap{d.plus(d.grid(z, x).v, f.v), x.c, x.h, x.w}
}
