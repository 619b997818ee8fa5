package eval

import (
	"context"
	"errors"

	"hdmnet/internal/data"
	"hdmnet/internal/metric"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
)

// Merge says which output counts where both claim a pixel in generalized few-shot
// segmentation: `final` that it is the novel class, `base` that it is a base class.
type Merge string

// The fusion rules of BAM.
const (
	MergeFinal Merge = "final" // the novel class, equation 18 of BAM
	MergeBase  Merge = "base"  // the base class, equation S1
)

// GFSSOptions of a generalized few-shot evaluation.
type GFSSOptions struct {
	Options
	Tau   float64 // a pixel is the novel class where softmax(`final`) of the object is above, in (0, 1)
	Merge Merge
}

// GFSS scores HDMNet on the base classes and the novel class together, as BAM's
// test_GFSS.py does, over the episodes of src (an index of data.BuildGFSSIndex).
//
// `final` and `base` are resized to the label's size, bilinearly with aligned corners.
// A pixel is the novel class where softmax(final)[object] > τ; its base class is the
// argmax of `base`, 0 for none. MergeFinal: the novel class, elsewhere the base class.
// MergeBase: the base class, where it is none the novel class. The label is the base
// label with the episode's class as one class more; objects of the other novel classes
// are background; 255 is ignored.
//
// Errors as Meta.
func GFSS(ctx context.Context, net FewShot, tape *nn.Tape, src Source, o GFSSOptions) ([]*GFSSResult, error) {
	all := results(&o.Options, func() *GFSSResult {
		return &GFSSResult{Score: metric.NewGeneralized(len(o.Fold.Base), o.Fold.Novel), fold: o.Fold}
	})
	novel := uint8(len(o.Fold.Base) + 1)
	err := o.each(ctx, tape, src, func(b *data.Batch) error {
		seen, err := o.look(net, tape, b, (*outputs).generalized)
		if err != nil {
			return err
		}
		for i, e := range b.Episodes {
			r := all[o.run(e)]
			pred := seen[i].base.labels
			r.Novel += merge(pred, seen[i].final.probable(o.Tau), novel, o.Merge)
			label := append([]uint8(nil), e.FullBaseLabel...)
			for p, l := range e.Label {
				if l == 1 {
					label[p] = novel
				}
			}
			r.Score.Add(e.Class, pred, label)
			r.Episodes++
		}
		return nil
	}, func() {
		done, sum := 0, 0.0
		for _, r := range all {
			_, _, miou := r.Score.MIoU()
			done, sum = done+r.Episodes, sum+miou
		}
		o.report(done, sum/float64(len(all)))
	})
	if err != nil {
		return nil, err
	}
	return all, o.combine(len(all), func(i int, t *Together) error {
		r := all[i]
		v := []int64{int64(r.Episodes), r.Novel}
		err := errors.Join(t.Sum(v), r.Score.Combine(t.Sum))
		r.Episodes, r.Novel = int(v[0]), v[1]
		return err
	})
}

// merge writes the class `novel` into pred, the base classes, where the object is
// certain and the rule lets it. It returns the number of pixels written.
func merge(pred []uint8, certain []bool, novel uint8, rule Merge) (written int64) {
	for i, yes := range certain {
		if yes && (rule == MergeFinal || pred[i] == 0) {
			pred[i] = novel
			written++
		}
	}
	return written
}

// generalized are the base learner's labels and the probabilities of the final output.
func (s *outputs) generalized(out *model.Output) []wanted {
	return []wanted{{to: &s.final, logits: out.Final.Value, voted: true, probabilities: true}, {to: &s.base, logits: out.Base.Value}}
}

// probable tells where the object's probability is more than tau.
func (p *prediction) probable(tau float64) []bool {
	out := make([]bool, len(p.probabilities)/2)
	for i := range out {
		out[i] = p.probabilities[2*i+1] > float32(tau) // in float32 as the release compares them
	}
	return out
}
