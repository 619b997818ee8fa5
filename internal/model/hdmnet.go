package model

import (
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

const projected = 256 // channels of down_query and down_supp

// HDMNet is the network of the paper: a frozen backbone and base learner, projections,
// priors, the matching transformer and the ensemble.
type HDMNet struct {
	Base        baseLearner  `w:",frozen"`
	Classifier  *nn.Linear   `w:"base_learnear.2,frozen"`
	DownSupp    *nn.Linear   `w:"down_supp.0,group=heads"`
	DownQuery   *nn.Linear   `w:"down_query.0,group=heads"`
	QueryMerge  *nn.Linear   `w:"query_merge.0,group=heads"`
	SuppMerge   *nn.Linear   `w:"supp_merge.0,group=heads"`
	Transformer *transformer `w:"transformer,group=transformer"`
	GramMerge   *nn.Linear   `w:"gram_merge,group=heads"`
	ClsMerge    *nn.Linear   `w:"cls_merge,group=heads"`
	KShot       *kshot       `w:"kshot_rw,group=kshot"` // nil for K = 1

	shots        int // that KShot is for
	uniformShots bool
	ambiguity    bool // Options.Ambiguity
	fusion       fusion
	cache        *featureCache // nil: features are not kept
	out          Output
	shotOut      Output // of one shot, where shots vote
	wanted       []int  // of features
}

type transformer struct {
	Mix *mixTransformer `w:"mix_transformer"`
}

// kshot weighs the shots by their sorted style distances.
type kshot struct {
	Squeeze *nn.Linear `w:"0"`
	Expand  *nn.Linear `w:"2"`
}

// NewHDMNet returns the network for a backbone, a number of base classes and K shots.
func NewHDMNet(o Options) (*HDMNet, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	n := &HDMNet{
		Base:        newBaseLearner(o),
		Classifier:  newClassifier(o),
		QueryMerge:  nn.NewPointwise(2*projected+2, dim, false),
		SuppMerge:   nn.NewPointwise(2*projected, dim, false),
		Transformer: &transformer{Mix: newMixTransformer(o.Ambiguity)},
		GramMerge:   nn.NewPointwise(2, 1, false),
		ClsMerge:    nn.NewPointwise(2, 1, false),
	}
	n.shots, n.ambiguity = o.Shots, o.Ambiguity
	c2, c3, _ := n.Base.Backbone.channels()
	n.DownSupp = nn.NewPointwise(c2+c3, projected, false)
	n.DownQuery = nn.NewPointwise(c2+c3, projected, false)
	n.GramMerge.Weight.Init = nn.Values(1, 0)
	n.ClsMerge.Weight.Init = nn.Values(1, 0)
	if o.Shots > 1 {
		n.KShot = &kshot{Squeeze: nn.NewPointwise(o.Shots, 2, true), Expand: nn.NewPointwise(2, o.Shots, true)}
		if !o.KShotReweight {
			for _, l := range []*nn.Linear{n.KShot.Squeeze, n.KShot.Expand} {
				l.Weight.Role, l.Bias.Role = nn.Frozen, nn.Frozen
			}
		}
	}
	return n, nil
}

// The parts of the network, as Forward and Loss tell them to op.Region, and the two that
// whoever calls them adds.
const (
	RegionUpload      = "upload"      // pictures and masks come to the device
	RegionBackbone    = "backbone"    // masks and backbone
	RegionHead        = "head"        // the base learner's
	RegionPrior       = "prior"       // similarity of queries and supports
	RegionProjections = "projections" // down and merge layers, prototypes
	RegionTransformer = "transformer"
	RegionEnsemble    = "ensemble" // scene style, weights of shots, and the merge of both learners
	RegionLosses      = "losses"
	RegionPredictions = "predictions" // label maps
	RegionBackward    = "backward"
	RegionResults     = "results" // on their way to the host
	RegionOptimizer   = "optimizer"
)

// Output is what the network computes, all at feature size h×w. It is the network's, until
// the next pass.
type Output struct {
	Final, Meta *nn.Var // [B·V,h,w,2], the V votes of an episode one after the other
	Votes       int     // V: 1, or K where every shot votes
	Base        *nn.Var // [B,h,w,BaseClasses]
	// The following are those of all shots together; where shots vote, of the last one.
	Maps       []*nn.Var // correlation maps [B,h_i,w_i,1], coarse to fine
	Contrasts  []*nn.Var // of the query [B,h_i,w_i,1], coarse to fine; only with Options.Ambiguity
	Similarity *nn.Var   // priors [B,h,w,2] of f5 and f4; with Options.Ambiguity similarity and contrast
	QueryMerge *nn.Var   // [B,h,w,64]
	SuppMerge  *nn.Var   // [B·K,h,w,64]
}

// Forward runs the network. The backbone and the base learner never record.
func (n *HDMNet) Forward(t *nn.Tape, in Input) *Output {
	qs, ss := in.Query.Shape(), in.Support.Shape()
	b, k, size := qs[0], ss[1], qs[1:3]
	out := &n.out
	*out = Output{}

	op.Region(t.Dev, RegionBackbone)
	masks := sides{fg: t.Arena.Float32(b*k, size[0], size[1], 1)}
	t.Dev.Foreground(masks.fg, in.SupportMask)
	if n.ambiguity {
		masks.bg = t.Arena.Float32(b*k, size[0], size[1], 1)
		t.Dev.Background(masks.bg, in.SupportMask)
	}
	var f features
	t.NoGrad(func() { f = n.features(t, in, masks.fg) })
	if n.fusion.votes(k) {
		out.Base = n.base(t, &f, b)
		n.vote(t, out, f, masks, b, k)
		return out
	}
	out.Votes = 1
	n.match(t, out, f, masks, in.ExcludedClass, b, k)
	return out
}

// base is the base learner's head, unless it has run, and its classifier on the b queries.
func (n *HDMNet) base(t *nn.Tape, f *features, b int) (logits *nn.Var) {
	t.NoGrad(func() {
		if f.f5 == nil {
			n.head(t, f)
		}
		logits = classify(t, t.Rows(f.f5, 0, b), n.Classifier)
	})
	return t.Const(logits.Value)
}

// match is the network behind the backbone: it fills out, whose Base may be there.
func (n *HDMNet) match(t *nn.Tape, out *Output, f features, masks sides, excluded op.Tensor, b, k int) {
	h, w := f.f3.Value.Shape()[1], f.f3.Value.Shape()[2]
	near := masks.resized(t, h, w)
	var p4, p5, qf, sf, proto *nn.Var
	var style op.Tensor
	// The head is a few large products. What needs no f5 is many small launches.
	t.Branches(op.SecondBranch, func() {
		if out.Base == nil {
			out.Base = n.base(t, &f, b)
		}
		op.Region(t.Dev, RegionPrior)
		if !n.ambiguity {
			p5 = prior(t, f.f5, near.fg, b, k)
		}
	}, func() {
		if !n.ambiguity {
			p4 = prior(t, f.f4, near.fg, b, k)
		}
		op.Region(t.Dev, RegionProjections)
		qf, sf = n.down(t, f, b)
		soft := t.Arena.Float32(b*k, h, w, 1)
		t.Dev.ResizeBilinear(soft, masks.fg, true)
		proto = t.MaskedAveragePool(sf, t.Arena.Reshape(soft, b*k, h, w))
		out.SuppMerge = merge(t, n.SuppMerge, sf, proto)
		op.Region(t.Dev, RegionEnsemble)
		style = styleDistance(t, f.f2, b, k)
	})

	op.Region(t.Dev, RegionPrior)
	if n.ambiguity {
		out.Similarity = contrastPrior(t, f, near, b)
	} else {
		t.NoGrad(func() {
			out.Similarity = t.Concat(p5, p4)
			t.Free(p5, p4)
		})
	}
	op.Region(t.Dev, RegionProjections)
	tenfold := t.Arena.Zeros(out.Similarity.Value.Shape()...)
	t.Dev.AddScaled(tenfold, out.Similarity.Value, 10)
	out.QueryMerge = merge(t, n.QueryMerge, qf, t.ShotMean(proto, k), t.Const(tenfold))
	t.Free(qf, sf)

	op.Region(t.Dev, RegionTransformer)
	n.Transformer.Mix.forward(t, out, masks, n.fusion.scale(k))
	op.Region(t.Dev, RegionEnsemble)
	out.Final = n.ensemble(t, out, style, excluded, k)
}

// merge is ReLU(1×1(concat(parts))).
func merge(t *nn.Tape, l *nn.Linear, parts ...*nn.Var) *nn.Var {
	cat := t.Concat(parts...)
	y := t.Linear(cat, l)
	t.Free(cat)
	r := t.ReLU(y)
	t.Free(y)
	return r
}

// down projects concat[f3,f2] of the query and of the supports: 1×1, ReLU, channel
// dropout 0.5.
func (n *HDMNet) down(t *nn.Tape, f features, b int) (query, support *nn.Var) {
	var cat *nn.Var
	t.NoGrad(func() { cat = t.Concat(f.f3, f.f2) })
	rows := cat.Value.Shape()[0]
	project := func(x *nn.Var, l *nn.Linear) *nn.Var {
		y := t.Linear(x, l)
		r := t.ReLU(y)
		t.Free(y)
		d := t.Dropout(r, 0.5, true)
		if d != r {
			t.Free(r)
		}
		return d
	}
	query = project(t.Rows(cat, 0, b), n.DownQuery)
	support = project(t.Rows(cat, b, rows), n.DownSupp)
	t.Free(cat)
	return query, support
}

// prior returns the prior [B,h,w,1] of queries and then supports x under the supports' mask.
func prior(t *nn.Tape, x *nn.Var, mask op.Tensor, b, k int) *nn.Var {
	s := x.Value.Shape()
	h, w, c := s[1], s[2], s[3]
	p := t.Arena.Float32(b, h, w)
	t.Dev.PriorSimilarity(p, t.Arena.Rows(x.Value, 0, b), t.Arena.Reshape(t.Arena.Rows(x.Value, b, b+b*k), b, k, h, w, c), t.Arena.Reshape(mask, b, k, h, w))
	return t.Const(t.Arena.Reshape(p, b, h, w, 1))
}

// styleDistance returns the distances [B,K] of the Gram matrices of queries and supports f2.
func styleDistance(t *nn.Tape, f2 *nn.Var, b, k int) op.Tensor {
	c := op.Last(f2.Value)
	gram := t.Arena.Float32(b+b*k, c, c)
	t.Dev.Gram(gram, f2.Value)
	d := t.Arena.Float32(b, k)
	t.Dev.GramDistance(d, t.Arena.Rows(gram, 0, b), t.Arena.Reshape(t.Arena.Rows(gram, b, b+b*k), b, k, c, c))
	t.Arena.Free(gram)
	return d
}

// ensemble merges the meta learner with the base learner under the distance of styles.
func (n *HDMNet) ensemble(t *nn.Tape, out *Output, style, except op.Tensor, k int) *nn.Var {
	s := out.Meta.Value.Shape()
	b, h, w := s[0], s[1], s[2]
	prob := t.Arena.Float32(out.Base.Value.Shape()...)
	t.Dev.Softmax(prob, out.Base.Value)
	fg := t.Arena.Float32(b, h, w)
	t.Dev.BaseForeground(fg, prob, except)
	t.Arena.Free(prob)

	var squeeze, expand *nn.Linear
	if n.KShot != nil && !n.uniformShots && k == n.shots {
		squeeze, expand = n.KShot.Squeeze, n.KShot.Expand
	}
	psi := t.ShotWeights(style, squeeze, expand)
	return t.Ensemble(t.Softmax(out.Meta), fg, psi, n.GramMerge, n.ClsMerge)
}
