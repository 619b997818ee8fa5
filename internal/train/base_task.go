package train

import (
	"context"

	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/eval"
	"hdmnet/internal/model"
	"hdmnet/internal/op"
)

// baseTask trains PSPNet on the fold's base classes: cross entropy at the input's size,
// batch norm with the batch's statistics.
type baseTask struct {
	network
	net  *model.PSPNet
	fold data.Fold
}

func newBaseTask(dev op.Device, o model.Options, seed uint64, f *feed, fold data.Fold, g dist.ProcessGroup) (*baseTask, error) {
	net, err := model.NewPSPNet(o)
	if err != nil {
		return nil, err
	}
	return &baseTask{
		network: newNetwork(dev, net, seed, f, g),
		net:     net, fold: fold,
	}, nil
}

func (t *baseTask) Step(b *data.Batch, seed uint64, scale float32) (r reading, err error) {
	err = t.tape.Fit(2, b.Size, func(n int) { r = t.step(b.First(n), seed, scale) })
	return r, err
}

func (t *baseTask) step(b *data.Batch, seed uint64, scale float32) reading {
	t.tape.Training, t.tape.BatchStats, t.tape.Together = true, true, batchTogether(t.group)
	t.tape.Begin(true, seed)
	in, labels := model.UploadTraining(t.tape, b)
	var loss op.Tensor
	op.CaptureGraph(t.dev, func() {
		in.Normalize(t.tape)
		loss = t.net.Loss(t.tape, t.net.Forward(t.tape, in.Query), labels.Base, scale)
		op.AddLate(t.dev, t.set.Grads, t.tape.Backward)
	})
	v := make([]float32, op.Len(loss))
	got := op.Fetch(t.dev, v, loss)
	return func() (losses, scores map[string]float64) {
		got()
		return map[string]float64{total: float64(v[0])}, nil
	}
}

func (t *baseTask) Validate(ctx context.Context, w watch) (map[string]float64, error) {
	o, err := t.evaluation(t.fold, w)
	if err != nil {
		return nil, err
	}
	r, err := eval.Base(ctx, t.net, t.tape, t.feed.val, o)
	if err != nil {
		return nil, err
	}
	if w.loss != nil {
		w.loss(r.Loss())
	}
	return r.Scores(), nil
}

func (t *baseTask) TrainedFBIoU() (fbIoU float64, ok bool, err error) { return 0, false, nil }
