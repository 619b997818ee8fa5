package train

import (
	"context"
	"slices"

	"hdmnet/internal/data"
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
	pred    []uint8 // of the last batch
}

func newMetaTask(dev op.Device, o model.Options, seed uint64, val *data.Loader, fold data.Fold) (*metaTask, error) {
	net, err := model.NewHDMNet(o)
	if err != nil {
		return nil, err
	}
	return &metaTask{
		network: network{dev: dev, tape: nn.NewTape(dev), set: nn.NewSet(dev, net, seed), val: val},
		net:     net, fold: fold, distill: 1, dropout: true,
	}, nil
}

func (t *metaTask) Step(b *data.Batch, seed uint64, scale float32) (losses, scores map[string]float64) {
	t.tape.Training = t.dropout
	t.tape.Begin(true, seed)
	n, k, s := b.Size, b.Shots, side(b)
	except := make([]int32, n)
	for i, cat := range b.Cat {
		except[i] = int32(cat) + 1 // base label 0 is background
	}
	in := model.Input{
		Query:       t.images(b.Query, n, s, s, 3),
		Support:     t.images(b.Support, n, k, s, s, 3),
		SupportMask: t.labels(b.SupportMask, n, k, s, s),
		Except:      t.tape.Arena.Int32(n),
	}
	t.dev.Upload(in.Except, except)
	out := t.net.Forward(t.tape, in)
	loss := t.net.Loss(t.tape, out, t.labels(b.QueryMask, n, s, s), t.labels(b.BaseLabel, n, s, s),
		model.LossOptions{Distill: t.distill, Scale: scale})
	scores = map[string]float64{trainingMIoU: t.score(out.Final, b, s)}
	l := model.ReadLosses(t.dev, loss, t.distill)
	t.tape.Backward()
	return map[string]float64{
		total: float64(l.Total), "main": float64(l.Main), "distill": float64(l.Distill), "base": float64(l.Base),
	}, scores
}

// score is the mIoU over the batch's classes of the final prediction at the input's size.
func (t *metaTask) score(final *nn.Var, b *data.Batch, side int) float64 {
	t.pred = slices.Grow(t.pred[:0], len(b.QueryMask))[:len(b.QueryMask)]
	t.tape.NoGrad(func() {
		logits := model.Upsample(t.tape, final, side, side)
		pred := t.tape.Arena.Uint8(b.Size, side, side)
		t.dev.Argmax(pred, logits.Value)
		t.dev.Download(t.pred, pred)
		t.tape.Arena.Free(pred)
		if logits != final {
			t.tape.Free(logits)
		}
	})
	iou := metric.New(t.fold.Base)
	pixels := side * side
	for i, e := range b.Episodes {
		iou.Add(e.Class, t.pred[i*pixels:(i+1)*pixels], e.Query.Mask)
	}
	return iou.MIoU()
}

func (t *metaTask) Validate(ctx context.Context, progress func(done, total int, miou float64)) (map[string]float64, error) {
	o, err := t.evaluation(t.fold, progress)
	if err != nil {
		return nil, err
	}
	results, err := eval.Meta(ctx, t.net, t.tape, t.val, o)
	if err != nil {
		return nil, err
	}
	return results[0].Scores(), nil
}
