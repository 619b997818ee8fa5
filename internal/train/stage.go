package train

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/run"
	"hdmnet/internal/tensorboard"
	"hdmnet/internal/weights"
)

// ErrInterrupted is Run's error when its context was canceled. The step that was under
// way is complete and saved.
var ErrInterrupted = errors.New("training was interrupted; its state is saved")

// stage is one stage under way: the loop, whatever the task.
type stage struct {
	plan    stagePlan
	task    stageTask
	feed    *feed
	source  source // of the steps: feed.train in a run
	fold    data.Fold
	dev     op.Device
	group   dist.ProcessGroup
	council *dist.Council
	dir     *run.Dir // nil in other processes than 0
	hooks   hooks
	merged  int  // of the processes that the run began with, how many whose batches this one joins to one (the base stage)
	joined  int  // processes whose batches are one to batch norm and dropout: all in the base stage, this one in the meta stage
	stop    bool // all processes have agreed to stop

	metrics *metricsFile
	events  *tensorboard.Writer // nil: none are written
	length
	optimizer *optimizer
	status    Status
	ahead     int             // steps given to the device before the oldest one's results are read
	pending   []*pendingStep  // those steps, oldest first
	drained   time.Time       // when the results of the last one were there
	pictures  []string        // of that one
	ctx       context.Context // of run
	saved     State           // at the last checkpoint, without settings
	savedAt   time.Time       // when save was called last
}

// run goes through the stage from status on.
func (s *stage) run(ctx context.Context) error {
	if err := s.fire(atStart); err != nil {
		return err
	}
	s.ctx = ctx
	for s.status.Stopped == "" && s.status.Epoch < s.epochs {
		var err error
		switch {
		case s.stop, s.alone() && ctx.Err() != nil:
			return s.interrupted()
		case s.status.Step < s.epochEnd(s.status.Epoch+1):
			err = s.stepAndSave()
		default:
			err = s.endEpoch()
		}
		if errors.Is(err, ErrInterrupted) {
			return s.interrupted()
		}
		if err != nil {
			return err
		}
	}
	s.status.Finished = true
	return s.fire(atEnd) // what one process wrote is there before the next stage
}

// alone tells that there are no other processes.
func (s *stage) alone() bool { return s.group.Place().Size == 1 }

// fire runs hooks in all processes and agrees on their errors.
func (s *stage) fire(m moment) error {
	_, err := s.council.Agree(s.hooks.fire(m, &s.status), false)
	return err
}

// stepAndSave makes one step and, when it is time, a checkpoint.
func (s *stage) stepAndSave() error {
	if err := s.step(); err != nil {
		return err
	}
	due := time.Since(s.savedAt) >= s.plan.SaveEvery && s.group.Place().Rank == 0
	if s.ahead > 0 { // all drain, or none
		var err error
		if due, err = dist.Any(s.group, due); err != nil {
			return err
		}
	}
	if !due {
		return nil
	}
	if err := s.drain(0); err != nil {
		return err
	}
	return s.save()
}

// endEpoch runs the hooks of a complete epoch. Where the validation is interrupted the
// epoch stays open, and a resumed run validates again.
func (s *stage) endEpoch() error {
	if err := s.drain(0); err != nil {
		return err
	}
	st := &s.status
	st.Epoch++
	st.Validation = nil
	err := s.fire(atEpoch)
	if err != nil {
		st.Epoch--
	}
	return err
}

// diverged is the error of a step, the last one drained or being drained.
func (s *stage) diverged(step int, tensor string) *DivergedError {
	e := &DivergedError{Stage: s.status.Stage, Step: step, Epoch: (step-1)/s.epoch + 1, Losses: s.status.Losses, Tensor: tensor, Episodes: s.pictures}
	if s.dir != nil {
		e.Checkpoint = s.dir.Last()
	}
	return e
}

// interrupted saves the state and gives the error that says so.
func (s *stage) interrupted() error {
	if err := s.drain(0); err != nil {
		return err
	}
	if err := s.save(); err != nil {
		return err
	}
	return ErrInterrupted
}

// save writes a checkpoint, in process 0, unless the last one holds this very state. All
// steps must be drained. Weights that are no numbers are never saved.
func (s *stage) save() error {
	s.savedAt = time.Now()
	now := s.status.State
	now.Settings = nil
	if s.group.Place().Rank > 0 || sameState(&now, &s.saved) {
		return nil
	}
	tensors := append(s.task.Set().Tensors(), s.optimizer.tensors()...)
	if name := notFinite(tensors); name != "" {
		if s.status.Step == 0 {
			return fmt.Errorf("stage %s: the weight %s is no finite number before the first step: the file that it was read from is damaged; see backbone.weights and base.weights",
				s.status.Stage, name)
		}
		return s.diverged(s.status.Step, name)
	}
	if err := s.metrics.sync(); err != nil {
		return err
	}
	if err := saveCheckpoint(s.dir, &s.status.State, tensors); err != nil {
		return err
	}
	s.saved = now
	return nil
}

// loadCheckpoint passes over the moments, which the optimizer loads.
var loadCheckpoint = nn.LoadOptions{Ignore: func(name string) bool { return strings.HasPrefix(name, momentPrefix) }}

// sameState tells whether two states without settings are the same.
func sameState(a, b *State) bool { return reflect.DeepEqual(a, b) }

// round is how many batches of the run all processes together take at a time.
func (s *stage) round() int { return s.group.Place().Size * s.merged }

// restore goes to the place of a checkpoint of this stage.
func (s *stage) restore(c *checkpoint) error {
	if now := s.batches * s.merged; c.state.EpochBatches != now {
		return fmt.Errorf("cannot continue from the checkpoint: an epoch had %d batches and has %d now; the data set has changed: restore it, or start a new run",
			c.state.EpochBatches, now)
	}
	if err := s.feed.train.Seek(c.state.LoaderEpoch, c.state.LoaderStep/s.round()); err != nil {
		return err
	}
	if c.File != nil { // in process 0
		if _, err := s.task.Set().Load(c.File, loadCheckpoint); err != nil {
			return fmt.Errorf("%s: %w", c.Path(), err)
		}
		if err := s.optimizer.load(c.File); err != nil {
			return err
		}
	}
	s.status.State = c.state
	s.saved = c.state
	s.saved.Settings = nil
	return nil
}

// bestMeta is the metadata of a file of weights.
func (s *stage) bestMeta(about map[string]string) map[string]string {
	meta := map[string]string{
		metaFormat: "hdmnet-weights-1", "stage": s.status.Stage,
		"step": fmt.Sprint(s.status.Step), "epoch": fmt.Sprint(s.status.Epoch),
	}
	if s.status.BestEpoch > 0 {
		meta["score"] = fmt.Sprintf("%.6f", s.status.BestScore)
	}
	for k, v := range about {
		meta[k] = v
	}
	return meta
}

// saveWeights writes the network as it is now, without moments, for use.
func (s *stage) saveWeights(path string, about map[string]string) error {
	tensors := s.task.Set().Tensors()
	if name := notFinite(tensors); name != "" {
		return s.diverged(s.status.Step, name)
	}
	return weights.Save(path, tensors, s.bestMeta(about))
}
