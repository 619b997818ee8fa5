package train

import (
	"errors"
	"fmt"
	"sync"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/experiment"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// Steps makes optimizer steps of the meta stage on batches that it is given, each of one
// batch at the configured learning rate, as a run makes them but without its loader, files
// and hooks: for who wants to know what a step costs.
type Steps struct {
	task      *metaTask
	optimizer *optimizer
	plan      Plan
	seed      uint64
	step      int
}

// NewSteps builds the network for a fold and initializes it.
func NewSteps(dev op.Device, c *config.Config, fold data.Fold) (*Steps, error) {
	o := experiment.ModelOptions(c, fold, c.Model.Shots)
	task, err := newMetaTask(dev, o, uint64(c.Train.Seed), nil, fold)
	if err != nil {
		return nil, err
	}
	task.distill, task.dropout = float32(c.Train.Meta.DistillWeight), c.Train.Meta.Dropout
	s := &Steps{task: task, plan: metaPlan(&c.Train.Meta), seed: uint64(c.Train.Seed)}
	if s.optimizer, err = newOptimizer(s.plan.Optimizer, dev, task.Set()); err != nil {
		return nil, errors.Join(err, task.Close())
	}
	return s, nil
}

// Set is the network's parameters.
func (s *Steps) Set() *nn.Set { return s.task.Set() }

// Arena is the memory of the activations.
func (s *Steps) Arena() *op.Arena { return s.task.tape.Arena }

// Start gives the device one step on a batch: forward, losses, backward and update. The
// batch is not used any more when it returns. loss waits for the total loss; one that is no
// finite number is an error. On a device that does not run ahead it is known already, and
// after such an error nothing is updated.
func (s *Steps) Start(b *data.Batch) (loss func() (float64, error), err error) {
	s.step++
	step, dev := s.step, s.task.dev
	op.Region(dev, model.RegionUpload)
	dev.Zero(s.task.Set().Grads)
	read, err := s.task.Step(b, stepSeed(s.seed, Meta, step, 0), 1)
	if err != nil {
		return nil, err
	}
	loss = sync.OnceValues(func() (float64, error) {
		losses, _ := read()
		if !allFinite(losses) {
			return losses[total], fmt.Errorf("step %d: the loss is no finite number (%s)", step, formatLosses(losses))
		}
		return losses[total], nil
	})
	if !op.IsAsync(dev) {
		if _, err := loss(); err != nil {
			return loss, nil
		}
	}
	op.Region(dev, model.RegionOptimizer)
	s.optimizer.step(s.plan.LR, step)
	return loss, nil
}

// Ahead is how many steps the trainer starts before it reads the losses of the oldest.
func (s *Steps) Ahead() int { return ahead(s.task.dev, dist.Solo{}) }

// Close frees the network's and the optimizer's memory.
func (s *Steps) Close() error { return errors.Join(s.optimizer.close(), s.task.Close()) }
