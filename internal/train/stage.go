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
	plan   stagePlan
	task   stageTask
	feed   *feed
	source source // of the steps: feed.train in a run
	fold   data.Fold
	dev    op.Device
	group  dist.ProcessGroup
	dir    *run.Dir
	hooks  hooks

	metrics *metricsFile
	events  *tensorboard.Writer // nil: none are written
	length
	optimizer *optimizer
	status    Status
	ahead     int            // steps given to the device before the oldest one's results are read
	pending   []*pendingStep // those steps, oldest first
	drained   time.Time      // when the results of the last one were there
	pictures  []string       // of that one
	saved     State          // at the last checkpoint, without settings
	savedAt   time.Time      // when save was called last
}

// run goes through the stage from status on.
func (s *stage) run(ctx context.Context) error {
	if err := s.hooks.fire(atStart, &s.status); err != nil {
		return err
	}
	for s.status.Stopped == "" && s.status.Epoch < s.epochs {
		stop, err := dist.Any(s.group, ctx.Err() != nil)
		if err != nil {
			return err
		}
		if stop {
			return s.interrupted()
		}
		if s.status.Step < s.epochEnd(s.status.Epoch+1) {
			err = s.stepAndSave()
		} else if err = s.endEpoch(); errors.Is(err, ErrInterrupted) {
			return s.interrupted()
		}
		if err != nil {
			return err
		}
	}
	s.status.Finished = true
	if err := s.hooks.fire(atEnd, &s.status); err != nil {
		return err
	}
	return dist.Barrier(s.group) // the next stage of every process reads what this one wrote
}

// stepAndSave makes one step and, when it is time, a checkpoint.
func (s *stage) stepAndSave() error {
	if err := s.step(); err != nil || time.Since(s.savedAt) < s.plan.SaveEvery || s.group.Place().Rank > 0 {
		return err
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
	if err := s.hooks.fire(atEpoch, st); err != nil {
		st.Epoch--
		return err
	}
	stop, err := dist.Any(s.group, st.Stopped != "")
	if stop && st.Stopped == "" {
		st.Stopped = "process 0 stopped"
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

// restore goes to the place of a checkpoint of this stage.
func (s *stage) restore(c *checkpoint) error {
	if c.state.EpochBatches != s.batches {
		return fmt.Errorf("cannot continue from %s: an epoch had %d batches and has %d now; the data set has changed: restore it, or start a new run",
			c.Path(), c.state.EpochBatches, s.batches)
	}
	if _, err := s.task.Set().Load(c.File, loadCheckpoint); err != nil {
		return fmt.Errorf("%s: %w", c.Path(), err)
	}
	if err := s.optimizer.load(c.File); err != nil {
		return err
	}
	if err := s.feed.train.Seek(c.state.LoaderEpoch, c.state.LoaderStep); err != nil {
		return err
	}
	s.status.State = c.state
	s.saved = c.state
	s.saved.Settings = nil
	return nil
}

// start brings all processes of the group to the weights of process 0. After it none
// reads the files of the run directory any more.
func (s *stage) start() error {
	for _, p := range s.task.Set().Params {
		if err := s.group.Broadcast(p.Value, 0); err != nil {
			return fmt.Errorf("send %s to all processes: %w", p.Name, err)
		}
	}
	return dist.Barrier(s.group)
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
