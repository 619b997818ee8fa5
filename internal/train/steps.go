package train

import (
	"context"
	"errors"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/experiment"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// Steps makes optimizer steps of the meta stage on batches that it is given, each of one
// batch of every process at the configured learning rate: the steps of a run, without its loader, files and
// hooks, for who wants to know what a step costs.
type Steps struct {
	stage *stage
	arena *op.Arena
	next  *oneBatch
}

// NewSteps builds the network for a fold and initializes it. The processes of g make each
// step together, with a batch of each.
func NewSteps(dev op.Device, c *config.Config, fold data.Fold, g dist.ProcessGroup) (*Steps, error) {
	o := experiment.ModelOptions(c, fold, c.Model.Shots)
	task, err := newMetaTask(dev, o, uint64(c.Train.Seed), nil, fold, g)
	if err != nil {
		return nil, err
	}
	task.distill, task.dropout = float32(c.Train.Meta.DistillWeight), c.Train.Meta.Dropout
	size := g.Place().Size
	plan, next := metaPlan(&c.Train.Meta), &oneBatch{}
	plan.Power = 0 // the rate stays
	s := &stage{
		plan: plan, task: task, source: next, fold: fold, dev: dev, group: g, council: dist.NewCouncil(g, nil, nil), ctx: context.Background(), merged: 1, joined: 1, ahead: ahead(dev),
		length: length{batches: size, perStep: size, epoch: 1, steps: 1, epochs: 1},
		status: Status{State: State{Stage: Meta, Seed: uint64(c.Train.Seed)}},
	}
	if s.optimizer, err = newOptimizer(plan.Optimizer, dev, task.Set()); err != nil {
		return nil, errors.Join(err, task.Close())
	}
	return &Steps{s, task.tape.Arena, next}, nil
}

// Set is the network's parameters.
func (s *Steps) Set() *nn.Set { return s.stage.task.Set() }

// Arena is the memory of the activations.
func (s *Steps) Arena() *op.Arena { return s.arena }

// Step makes one step on a batch: forward, losses, backward and update. The batch is not
// used any more when it returns. On a device that runs ahead the step may still be under
// way, and the errors, of which a loss that is no finite number is a *DivergedError, be
// those of the steps before.
func (s *Steps) Step(b *data.Batch) error {
	s.next.batch = b
	return s.stage.step()
}

// Finish waits for the steps under way.
func (s *Steps) Finish() error { return s.stage.drain(0) }

// Loss is the total loss of the last step that is finished.
func (s *Steps) Loss() float64 { return s.stage.status.Losses[total] }

// Close frees the network's and the optimizer's memory.
func (s *Steps) Close() error { return errors.Join(s.stage.optimizer.close(), s.stage.task.Close()) }

// oneBatch is the source of one batch.
type oneBatch struct{ batch *data.Batch }

func (o *oneBatch) Next(context.Context) (*data.Batch, error) { return o.batch, nil }
func (o *oneBatch) Release(*data.Batch)                       {}
func (o *oneBatch) Position() (epoch, step int)               { return 0, 0 }
