package eval

import (
	"context"

	"hdmnet/internal/data"
	"hdmnet/internal/metric"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
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
	err := each(ctx, tape, src, func(b *data.Batch) error {
		out := net.Forward(tape, upload(tape, b))
		if err := finite(tape, out.Final.Value, b); err != nil {
			return err
		}
		for i, e := range b.Episodes {
			r := all[o.run(e)]
			pred := predict(tape, out.Base.Value, i, e)
			r.Novel += merge(pred, probable(tape, out.Final.Value, i, e, o.Tau), novel, o.Merge)
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
	return all, nil
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

// probable tells, at the size of episode e's label, where softmax of sample i of logits
// [B,h,w,2] gives the object more than tau.
func probable(t *nn.Tape, logits op.Tensor, i int, e *data.Episode, tau float64) []bool {
	full := scratch(t, e.H*e.W*2, func(n int) op.Tensor { return t.Arena.Float32(n) })
	at := op.Span(full, 0, 1, e.H, e.W, 2)
	t.Dev.ResizeBilinear(at, op.Rows(logits, i, i+1), true)
	t.Dev.Softmax(at, at)
	v := make([]float32, op.Len(at))
	t.Dev.Download(v, at)
	t.Arena.Free(full)
	out := make([]bool, e.H*e.W)
	for p := range out {
		out[p] = v[2*p+1] > float32(tau) // in float32 as the release compares them
	}
	return out
}
