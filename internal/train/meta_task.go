package train

import (
	"context"
	"slices"

	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/eval"
	"hdmnet/internal/metric"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// metaTask trains HDMNet on episodes; backbone and base learner stay as they are.
type metaTask struct {
	network
	net     *model.HDMNet
	fold    data.Fold
	distill float32 // weight of the distillation
	dropout bool
	trained *metric.IoU // of the batches since TrainedFBIoU

	ambiguity bool // there is a loss of contrasts
}

func newMetaTask(dev op.Device, o model.Options, seed uint64, f *feed, fold data.Fold, g dist.ProcessGroup) (*metaTask, error) {
	net, err := model.NewHDMNet(o)
	if err != nil {
		return nil, err
	}
	return &metaTask{
		network: newNetwork(dev, net, seed, f, g),
		net:     net, fold: fold, distill: 1, dropout: true, trained: metric.New(fold.Base), ambiguity: o.Ambiguity,
	}, nil
}

func (t *metaTask) Step(b *data.Batch, seed uint64, scale float32) (r reading, err error) {
	err = t.tape.Fit(1, b.Size, func(n int) { r = t.step(b.First(n), seed, scale) })
	return r, err
}

func (t *metaTask) step(b *data.Batch, seed uint64, scale float32) reading {
	t.tape.Training = t.dropout
	t.tape.Begin(true, seed)
	in, labels := model.UploadTraining(t.tape, b)
	var loss, pred op.Tensor
	op.CaptureGraph(t.dev, func() {
		in.Normalize(t.tape)
		out := t.net.Forward(t.tape, in)
		loss = t.net.Loss(t.tape, out, labels.Query, labels.Base, model.LossOptions{Distill: t.distill, Scale: scale})
		op.Region(t.dev, model.RegionPredictions)
		pred = t.predict(out.Final, b.Size, b.Side)
		op.Region(t.dev, model.RegionBackward)
		op.AddLate(t.dev, t.set.Grads, t.tape.Backward)
		op.Region(t.dev, model.RegionResults)
	})
	predicted, values := make([]uint8, op.Len(pred)), make([]float32, op.Len(loss))
	gotLabels, gotValues := op.Fetch(t.dev, predicted, pred), op.Fetch(t.dev, values, loss)
	scored := score{fold: t.fold, mask: slices.Clone(b.QueryMask)}
	for _, e := range b.Episodes {
		scored.classes = append(scored.classes, e.Class)
	}
	return func() (losses, scores map[string]float64) {
		gotValues()
		gotLabels()
		iou := scored.iou(predicted)
		t.trained.Merge(iou)
		l := model.SumLosses(values, t.distill)
		losses = map[string]float64{
			total: float64(l.Total), "main": float64(l.Main), "distill": float64(l.Distill), "base": float64(l.Base),
		}
		if t.ambiguity {
			losses["contrast"] = float64(l.Contrast)
		}
		return losses, map[string]float64{trainingMIoU: iou.MIoU()}
	}
}

// predict is the label map [n,side,side] of the final prediction at the input's size.
func (t *metaTask) predict(final *nn.Var, n, side int) op.Tensor {
	pred := t.tape.Arena.Uint8(n, side, side)
	t.tape.NoGrad(func() {
		logits := model.Upsample(t.tape, final, side, side)
		t.dev.Argmax(pred, logits.Value)
		if logits != final {
			t.tape.Free(logits)
		}
	})
	return pred
}

// score is what the predictions of a batch are compared with.
type score struct {
	fold    data.Fold
	classes []int   // by episode
	mask    []uint8 // one map after the other
}

// iou are the scores over the batch's classes.
func (s *score) iou(pred []uint8) *metric.IoU {
	iou := metric.New(s.fold.Base)
	pixels := len(pred) / len(s.classes)
	for i, class := range s.classes {
		iou.Add(class, pred[i*pixels:(i+1)*pixels], s.mask[i*pixels:(i+1)*pixels])
	}
	return iou
}

func (t *metaTask) TrainedFBIoU() (fbIoU float64, ok bool, err error) {
	all := t.trained
	t.trained = metric.New(t.fold.Base)
	if err := all.Combine(func(v []int64) error { return dist.SumInts(t.group, v) }); err != nil {
		return 0, false, err
	}
	return all.FBIoU(), all.Episodes() > 0, nil
}

func (t *metaTask) Validate(ctx context.Context, w watch) (map[string]float64, error) {
	o, err := t.evaluation(t.fold, w)
	if err != nil {
		return nil, err
	}
	results, err := eval.Meta(ctx, t.net, t.tape, t.feed.val, o)
	if err != nil {
		return nil, err
	}
	if w.loss != nil {
		w.loss(results[0].Loss())
	}
	return results[0].Scores(), nil
}
