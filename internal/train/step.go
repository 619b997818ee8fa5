package train

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// stepsAhead is how many steps a device that runs ahead gets before the results of the
// oldest one are read: with one at work and one waiting it is never idle while the
// program writes metrics and loads the next batch.
const stepsAhead = 2

// ahead is how many steps a stage is ahead of their results: always the same number on a
// device, so that a run does not depend on how fast anything is. Processes that train
// together read every step's results at once: they must agree on whether it is a number
// before they add up its gradient.
func ahead(dev op.Device, g dist.ProcessGroup) int {
	if op.IsAsync(dev) && g.Place().Size == 1 {
		return stepsAhead
	}
	return 0
}

// source is where the batches of steps come from; *data.Loader is one.
type source interface {
	Next(ctx context.Context) (*data.Batch, error)
	Release(b *data.Batch)
	Position() (epoch, step int) // of the next batch
}

// pendingStep is a step that the device was given and whose results have not been read.
type pendingStep struct {
	status   Status
	readings []reading      // by batch
	gradient func() float64 // waits for the norm; nil: it is not taken
	pictures []string
	begun    time.Time
	read     bool
}

// step makes one optimizer step. It ends with the Step hooks of the steps that it drains.
func (s *stage) step() error {
	st, set := &s.status, s.task.Set()
	step := st.Step + 1
	f := &pendingStep{begun: time.Now()}
	n := s.batchesOf(step)
	scale := 1 / float32(n*s.group.Place().Size)
	images := 0
	op.Region(s.dev, model.RegionUpload)
	s.dev.Zero(set.Grads)
	for i := range n {
		// A step that has begun is finished whatever the context says.
		batch, err := s.source.Next(context.Background())
		if err != nil {
			return err
		}
		r, err := s.task.Step(batch, stepSeed(st.Seed, st.Stage, step, i*s.group.Place().Size+s.group.Place().Rank), scale)
		if err != nil {
			return s.advise(err)
		}
		f.readings = append(f.readings, r)
		images += batch.Size * (1 + batch.Shots) * s.group.Place().Size
		f.pictures = append(f.pictures, describe(batch, s.fold)...)
		s.source.Release(batch)
	}
	if s.ahead == 0 {
		f.status = *st
		if err := s.read(f, step); err != nil {
			return err
		}
	}
	if err := s.group.AllReduce(set.Grads, dist.Sum); err != nil {
		return fmt.Errorf("sum the gradients over %d processes: %w", s.group.Place().Size, err)
	}
	if s.events != nil && (step-1)%gradientEvery == 0 {
		f.gradient = s.gradientNorm()
	}
	op.Region(s.dev, model.RegionOptimizer)
	lr := s.optimizer.step(poly(s.plan.LR, step, s.steps, s.plan.Power), step)
	st.Step = step
	st.LoaderEpoch, st.LoaderStep = s.source.Position()
	losses, scores := f.status.Losses, f.status.Scores
	f.status = *st
	f.status.Losses, f.status.Scores, f.status.LR, f.status.Images = losses, scores, lr, images
	s.pending = append(s.pending, f)
	return s.drain(s.ahead)
}

// drain reads the results of all steps but the newest keep and runs their Step hooks.
func (s *stage) drain(keep int) error {
	for len(s.pending) > keep {
		f := s.pending[0]
		s.pending = s.pending[1:]
		if err := s.read(f, f.status.Step); err != nil {
			return err
		}
		now := time.Now()
		st := &s.status
		f.status.Seconds = min(now.Sub(f.begun), now.Sub(s.drained)).Seconds() // no time counts twice
		s.drained = now
		st.LR, st.Images, st.Seconds = f.status.LR, f.status.Images, f.status.Seconds
		if f.gradient != nil {
			f.status.GradientNorm = f.gradient()
		}
		if err := s.hooks.fire(atStep, &f.status); err != nil {
			return err
		}
	}
	return nil
}

// read waits for the results of a step, once. A loss that is no finite number is a
// *DivergedError.
func (s *stage) read(f *pendingStep, step int) error {
	if f.read {
		return nil
	}
	f.read = true
	f.status.Losses, f.status.Scores = map[string]float64{}, map[string]float64{}
	n := float64(len(f.readings))
	for _, r := range f.readings {
		losses, scores := r()
		for name, v := range losses {
			f.status.Losses[name] += v / n
		}
		for name, v := range scores {
			f.status.Scores[name] += v / n
		}
	}
	f.readings = nil
	for _, values := range []map[string]float64{f.status.Losses, f.status.Scores} {
		if err := dist.SumFloats(s.group, values); err != nil {
			return err
		}
		for name := range values {
			values[name] /= float64(s.group.Place().Size)
		}
	}
	s.status.Losses, s.status.Scores, s.pictures = f.status.Losses, f.status.Scores, f.pictures
	if !allFinite(f.status.Losses) {
		return s.diverged(step, "")
	}
	return nil
}

// advise adds to the error of a batch that does not fit what settings do.
func (s *stage) advise(err error) error {
	var short *nn.MemoryError
	if !errors.As(err, &short) {
		return err
	}
	err = fmt.Errorf("stage %s: %w", s.status.Stage, err)
	if n := short.Largest; n > 0 {
		steps := (short.Batch*s.plan.Accumulate + n - 1) / n
		err = fmt.Errorf("%w; set train.%s.batch=%d, and train.%[2]s.accumulate=%[4]d for as many pictures a step",
			err, s.status.Stage, n, steps)
	}
	return err
}
