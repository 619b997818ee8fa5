package train

import (
	"context"

	"hdmnet/internal/data"
	"hdmnet/internal/eval"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// baseTask trains PSPNet on the fold's base classes: cross entropy at the input's size,
// batch norm with the batch's statistics.
type baseTask struct {
	network
	net  *model.PSPNet
	fold data.Fold
}

func newBaseTask(dev op.Device, o model.Options, seed uint64, val *data.Loader, fold data.Fold) (*baseTask, error) {
	net, err := model.NewPSPNet(o)
	if err != nil {
		return nil, err
	}
	return &baseTask{
		network: network{dev: dev, tape: nn.NewTape(dev), set: nn.NewSet(dev, net, seed), val: val},
		net:     net, fold: fold,
	}, nil
}

func (t *baseTask) Step(b *data.Batch, seed uint64, scale float32) (losses, scores map[string]float64) {
	t.tape.Training, t.tape.BatchStats = true, true
	t.tape.Begin(true, seed)
	s := side(b)
	label := t.labels(b.BaseLabel, b.Size, s, s)
	loss := t.net.Loss(t.tape, t.net.Forward(t.tape, t.images(b.Query, b.Size, s, s, 3)), label, scale)
	v := make([]float32, op.Len(loss))
	t.dev.Download(v, loss)
	t.tape.Backward()
	return map[string]float64{total: float64(v[0])}, nil
}

func (t *baseTask) Validate(ctx context.Context, progress func(done, total int, miou float64)) (map[string]float64, error) {
	o, err := t.evaluation(t.fold, progress)
	if err != nil {
		return nil, err
	}
	r, err := eval.Base(ctx, t.net, t.tape, t.val, o)
	if err != nil {
		return nil, err
	}
	return r.Scores(), nil
}
