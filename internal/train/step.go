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
// device, so that a run does not depend on how fast anything is.
func ahead(dev op.Device) int {
	if op.IsAsync(dev) {
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
	images   int
	begun    time.Time
	read     bool
}

// step makes one optimizer step. It ends with the Step hooks of the steps that it drains.
// Process r of n takes the batches r, r+n, … of the step: those that one process would
// accumulate.
func (s *stage) step() error {
	st, set, place := &s.status, s.task.Set(), s.group.Place()
	step := st.Step + 1
	f := &pendingStep{begun: time.Now()}
	n := s.batchesOf(step)
	scale := 1 / float32(n)
	op.Region(s.dev, model.RegionUpload)
	s.dev.Zero(set.Grads)
	own := 0 // batches of this process so far
	for i := place.Rank; i < n+place.Rank; i += place.Size {
		batch, err := s.next(i < n)
		if err != nil {
			return err
		}
		if batch == nil {
			continue
		}
		if own > 0 {
			if err := s.optimizer.keep(own); err != nil {
				return err
			}
		}
		own++
		r, err := s.task.Step(batch, stepSeed(st.Seed, st.Stage, step, i/s.joined), scale)
		if err != nil {
			return s.advise(err)
		}
		f.readings = append(f.readings, r)
		f.images += batch.Size * (1 + batch.Shots)
		f.pictures = append(f.pictures, describe(batch, s.fold)...)
		s.source.Release(batch)
	}
	if own > 1 {
		s.dev.AddScaled(set.Grads, s.optimizer.kept, 1)
	}
	if s.ahead == 0 {
		f.status = *st
		if err := s.read(f, step); err != nil {
			return err
		}
	}
	if err := s.group.AllReduce(set.Grads, dist.Sum); err != nil {
		return fmt.Errorf("sum the gradients over %d processes: %w", place.Size, err)
	}
	if s.events != nil && (step-1)%gradientEvery == 0 {
		f.gradient = s.gradientNorm()
	}
	op.Region(s.dev, model.RegionOptimizer)
	lr := s.optimizer.step(poly(s.plan.LR, step, s.steps, s.plan.Power), step)
	st.Step = step
	st.LoaderEpoch, st.LoaderStep = s.source.Position()
	st.LoaderStep *= s.round()
	losses, scores := f.status.Losses, f.status.Scores
	f.status = *st
	f.status.Losses, f.status.Scores, f.status.LR, f.status.Images = losses, scores, lr, f.images
	s.pending = append(s.pending, f)
	return s.drain(s.ahead)
}

// next gives the next batch, or nil where this process has none in the last step of an epoch,
// once no process has failed to read its own.
func (s *stage) next(wanted bool) (batch *data.Batch, err error) {
	if wanted {
		// A step that has begun is finished whatever the context says.
		batch, err = s.source.Next(context.Background())
	}
	if s.alone() {
		return batch, err
	}
	stop, err := s.council.Agree(err, s.ctx.Err() != nil)
	s.stop = s.stop || stop
	return batch, err
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
	sums, n := report{Losses: f.status.Losses, Scores: f.status.Scores, Images: f.images}, float64(s.batchesOf(step))
	for _, r := range f.readings {
		losses, scores := r()
		for name, v := range losses {
			sums.Losses[name] += v / n
		}
		for name, v := range scores {
			sums.Scores[name] += v / n
		}
	}
	f.readings = nil
	who := -1
	if !allFinite(sums.Losses) {
		sums.Pictures, who = f.pictures, 0
	}
	if !s.alone() {
		var err error
		if sums, who, err = s.together(&sums); err != nil {
			return err
		}
	}
	s.status.Losses, s.status.Scores, s.pictures, f.images, f.status.Images = sums.Losses, sums.Scores, f.pictures, sums.Images, sums.Images
	f.status.Losses, f.status.Scores = sums.Losses, sums.Scores
	if who < 0 {
		return nil
	}
	s.pictures = sums.Pictures
	err := s.diverged(step, "")
	if s.alone() {
		return err
	}
	err.Process = fmt.Sprintf("process %d", who)
	return dist.Agreed(err)
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
