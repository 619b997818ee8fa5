package train

import (
	"context"

	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/eval"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// stageTask is what differs between the stages: the network, its loss and its score.
type stageTask interface {
	// Set is the network's parameters.
	Set() *nn.Set
	// Step runs the network forward and backward on a batch and adds the gradient of
	// scale·loss to the set's gradients. seed decides the dropouts. The batch is not used
	// any more when it returns, while the device may still be at work; the reading waits
	// for that. The error of a batch that does not fit the device's memory is a
	// *nn.MemoryError.
	Step(b *data.Batch, seed uint64, scale float32) (reading, error)
	// Validate scores the network; "miou" decides. The task must have been given
	// something to validate on.
	Validate(ctx context.Context, w watch) (map[string]float64, error)
	// TrainedFBIoU is the foreground-background IoU of all batches whose readings were made
	// since it was last asked for, in all processes, which ask at the same time; ok is false
	// where there is none.
	TrainedFBIoU() (fbIoU float64, ok bool, err error)
	// Peak is the largest number of bytes that the activations of one pass took.
	Peak() int64
	// Close frees the network's memory.
	Close() error
}

// watch is who follows a validation.
type watch struct {
	// progress is told after every batch how many of how many episodes are done and the
	// mIoU so far.
	progress func(done, total int, miou float64)
	loss     func(mean float64)     // gets the mean cross entropy; nil: it is not taken
	episode  func(*eval.Seen) error // gets every episode; nil: nobody does
}

// reading waits for what a step gave: the losses by name, unscaled, of which "total" is
// watched, and scores of the batch, 0..1. It is called once.
type reading func() (losses, scores map[string]float64)

// network is what both tasks hold.
type network struct {
	dev   op.Device
	tape  *nn.Tape
	set   *nn.Set
	feed  *feed // of validations
	group dist.ProcessGroup
}

func newNetwork(dev op.Device, net any, seed uint64, f *feed, g dist.ProcessGroup) network {
	return network{dev: dev, tape: nn.NewTape(dev), set: nn.NewSet(dev, net, seed), feed: f, group: g}
}

// Set is the network's parameters.
func (n *network) Set() *nn.Set { return n.set }

// evaluation goes to the start of the validation and gives its options.
func (n *network) evaluation(fold data.Fold, w watch) (eval.Options, error) {
	n.tape.Training, n.tape.BatchStats = false, false
	o := eval.Options{Fold: fold, Total: n.feed.episodes, Progress: w.progress, Loss: w.loss != nil, Seen: w.episode}
	if size := n.group.Place().Size; size > 1 {
		o.Together = &eval.Together{
			Processes: size, Batches: (o.Total + size - 1) / size,
			Sum:       func(v []int64) error { return dist.SumInts(n.group, v) },
			SumFloats: func(v map[string]float64) error { return dist.SumFloats(n.group, v) },
			Agree:     func(err error) error { return dist.Agree(n.group, err) },
		}
	}
	return o, n.feed.val.Seek(0, 0)
}

// Peak is the largest number of bytes that the activations of one pass took.
func (n *network) Peak() int64 { return n.tape.Arena.Peak() }

// Close frees activations and parameters.
func (n *network) Close() error {
	if err := n.tape.Arena.Close(); err != nil {
		return err
	}
	return n.set.Close()
}
