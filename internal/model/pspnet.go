package model

import (
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// baseLearner is the backbone with PSPNet's head: shared by PSPNet, which trains it, and
// HDMNet, which takes it over frozen.
type baseLearner struct {
	Backbone backbone   `w:",group=encoder"`
	PPM      ppm        `w:"ppm,group=head"`
	Cls      *nn.ConvBN `w:"cls.0+1,group=head"` // 3×3, before its ReLU: f5
}

// ppm pools the map into 1, 2, 3 and 6 bins, projects each to C/4 channels and puts them,
// resized back, after the map itself: C → 2C channels.
type ppm struct {
	Features []ppmBin `w:"features"`
}

type ppmBin struct {
	Conv *nn.ConvBN `w:"1+2"`
	bins int
}

func newBaseLearner(o Options) baseLearner {
	entry := backboneNamed(o.Backbone)
	bb := entry.make()
	_, _, c := bb.channels()
	b := baseLearner{
		Backbone: bb,
		Cls:      nn.NewPyramidConv(entry.headWidth, c, c/4, c/4, c/4, c/4),
	}
	for _, bins := range []int{1, 2, 3, 6} {
		b.PPM.Features = append(b.PPM.Features, ppmBin{bins: bins, Conv: nn.NewConvBN(c, c/4, 1, op.ConvParams{Stride: 1, Dilation: 1}, false)})
	}
	return b
}

// levels returns the pooled and projected maps [B,n,n,C/4] of x.
func (p *ppm) levels(t *nn.Tape, x *nn.Var) []*nn.Var {
	out := t.List(len(p.Features))
	if op.IsHalf(x.Value) || t.Dev.Capabilities().PoolsLevelsAtOnce && !t.Recording() {
		var bins [4]int
		for i, f := range p.Features {
			bins[i] = f.bins
		}
		for i, pooled := range t.AdaptiveAvgPools(x, bins[:len(p.Features)]) {
			out[i] = t.ConvBN(pooled, p.Features[i].Conv, nil, true)
			t.Free(pooled)
		}
		return out
	}
	s, fine := x.Value.Shape(), p.Features[len(p.Features)-1].bins
	from := x
	for i := len(p.Features) - 1; i >= 0; i-- {
		f := p.Features[i]
		pooled := t.AdaptiveAvgPool(from, f.bins)
		out[i] = t.ConvBN(pooled, f.Conv, nil, true)
		if f.bins == fine && s[1]%fine == 0 && s[2]%fine == 0 {
			from = pooled // cells of equal size, of which the larger ones are made: x is read once
		} else {
			t.Free(pooled)
		}
	}
	if from != x {
		t.Free(from)
	}
	return out
}

// head returns f5 of layer4.
func (b *baseLearner) head(t *nn.Tape, f4 *nn.Var) *nn.Var {
	levels := b.PPM.levels(t, f4)
	f5 := t.PyramidConv(f4, levels, b.Cls)
	t.Free(levels...)
	return f5
}

// newClassifier is the last layer of the base learner: f5 to class logits.
func newClassifier(o Options) *nn.Linear {
	return nn.NewPointwise(backboneNamed(o.Backbone).headWidth, o.BaseClasses, true)
}

// classify returns the base classes' logits of f5: ReLU, channel dropout 0.1, 1×1.
func classify(t *nn.Tape, f5 *nn.Var, l *nn.Linear) *nn.Var {
	r := t.ReLU(f5)
	d := t.Dropout(r, 0.1, true)
	y := t.Linear(d, l)
	t.Free(r, d)
	return y
}

// PSPNet is the base learner as the base stage trains it.
type PSPNet struct {
	Base       baseLearner `w:""`
	Classifier *nn.Linear  `w:"cls.4,group=head"`
}

// NewPSPNet returns the base learner for a backbone and a number of classes.
func NewPSPNet(o Options) (*PSPNet, error) {
	o.Shots = max(o.Shots, 1)
	if err := o.check(); err != nil {
		return nil, err
	}
	return &PSPNet{Base: newBaseLearner(o), Classifier: newClassifier(o)}, nil
}

// Forward returns logits [B,h,w,BaseClasses] at feature size for images x [B,S,S,3].
func (n *PSPNet) Forward(t *nn.Tape, x op.Tensor) *nn.Var {
	t.Halves = true
	f2, f3, f4 := n.Base.Backbone.features(t, t.Const(x))
	t.Free(f2, f3)
	f5 := n.Base.head(t, f4)
	t.Free(f4)
	t.Halves = false
	logits := classify(t, f5, n.Classifier)
	t.Free(f5)
	return logits
}

// Loss returns the cross entropy [2] (mean, labeled pixels) of the logits, resized to
// the label's size (uint8 [B,S,S]); the gradient is that of scale·loss.
func (n *PSPNet) Loss(t *nn.Tape, logits *nn.Var, label op.Tensor, scale float32) op.Tensor {
	loss := t.Arena.Zeros(2)
	s := label.Shape()
	t.CrossEntropy(loss, Upsample(t, logits, s[1], s[2]), label, scale)
	return loss
}

// Upsample resizes logits to h×w, bilinear with align_corners=True.
func Upsample(t *nn.Tape, logits *nn.Var, h, w int) *nn.Var { return t.Resize(logits, h, w, true) }
