package train

import (
	"context"

	"hdmnet/internal/data"
	"hdmnet/internal/eval"
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

func (t *metaTask) Step(b *data.Batch, seed uint64, scale float32) map[string]float64 {
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
	loss := t.net.Loss(t.tape, t.net.Forward(t.tape, in), t.labels(b.QueryMask, n, s, s), t.labels(b.BaseLabel, n, s, s),
		model.LossOptions{Distill: t.distill, Scale: scale})
	l := model.ReadLosses(t.dev, loss, t.distill)
	t.tape.Backward()
	return map[string]float64{
		total: float64(l.Total), "main": float64(l.Main), "distill": float64(l.Distill), "base": float64(l.Base),
	}
}

func (t *metaTask) Validate(ctx context.Context) (map[string]float64, error) {
	if err := t.val.Seek(0, 0); err != nil {
		return nil, err
	}
	t.tape.Training = false
	r, err := eval.Meta(ctx, t.net, t.tape, t.val, eval.Options{Fold: t.fold})
	if err != nil {
		return nil, err
	}
	return r.Scores(), nil
}
