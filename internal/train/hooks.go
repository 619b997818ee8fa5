package train

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"hdmnet/internal/dist"
	"hdmnet/internal/eval"
	"hdmnet/internal/op"
)

// hooks are those that every stage has. out is where its best weights go.
func (t *trainer) hooks(ctx context.Context, s *stage, out string) []Hook {
	all := []Hook{t.validation(ctx, s, out)}
	if t.Config.Train.TensorBoard {
		all = append(all, s.trained())
	}
	if !t.first() {
		return all
	}
	return append(all,
		s.records(),
		s.board(),
		t.lines(s),
		t.progress(),
		Hook{Name: "curves", Priority: priorityCurves, Epoch: func(*Status) error { return drawCurves(t.Dir.Metrics(), t.Dir.Curves()) }},
		s.checkpoints(),
	)
}

// validates tells whether the epoch just ended is validated: every ValidateEvery-th and
// the last one, but not when max_steps ends the stage within its first epoch: a trial of
// a few steps must not wait for a thousand episodes.
func (s *stage) validates() bool {
	every, st := s.plan.ValidateEvery, &s.status
	return s.feed.val != nil && st.Step >= s.epoch && (st.Epoch%every == 0 || st.Epoch == s.epochs)
}

// validation scores the network, keeps the best weights, and ends the stage early when
// they get no better. Without any validation the weights of the end are kept.
func (t *trainer) validation(ctx context.Context, s *stage, out string) Hook {
	keep := func() error {
		if !t.first() {
			return nil
		}
		return s.saveWeights(out, t.about())
	}
	return Hook{
		Name: "validation", Priority: priorityValidation,
		Epoch: func(st *Status) error {
			if !s.validates() {
				return nil
			}
			var err error
			if name := notFinite(s.task.Set().Tensors()); name != "" {
				err = s.diverged(st.Step, name)
			}
			if _, err := s.council.Agree(err, false); err != nil {
				return err
			}
			start := time.Now()
			v, w, end := &Validation{}, watch{}, func() {}
			if t.first() {
				w.progress, end = t.validating(st.Stage, s.feed.episodes)
			}
			if t.Config.Train.TensorBoard { // in all processes: they add up their losses
				w.loss = func(mean float64) { v.loss = mean }
			}
			if s.events != nil {
				w.episode = v.show
			}
			scores, err := s.task.Validate(ctx, w)
			end()
			switch {
			case errors.Is(err, eval.ErrNotFinite):
				diverged := s.diverged(st.Step, "")
				diverged.Validation = err
				if s.alone() {
					return diverged
				}
				return dist.Agreed(diverged)
			case errors.Is(err, context.Canceled):
				return ErrInterrupted
			case err != nil:
				return err
			}
			v.Scores, v.Best, v.Seconds = scores, st.BestEpoch == 0 || scores["miou"] > st.BestScore, time.Since(start).Seconds()
			st.Validation = v
			if v.Best {
				st.BestScore, st.BestEpoch, st.BestStep = scores["miou"], st.Epoch, st.Step
				return keep()
			}
			if n := s.plan.EarlyStop; n > 0 && st.Epoch-st.BestEpoch >= n {
				st.Stopped = fmt.Sprintf("no better score than %.4f of epoch %d in %d epochs", st.BestScore, st.BestEpoch, st.Epoch-st.BestEpoch)
			}
			return nil
		},
		End: func(st *Status) error {
			if st.BestEpoch > 0 {
				return nil
			}
			return keep()
		},
	}
}

// records writes metrics.jsonl.
func (s *stage) records() Hook {
	return Hook{
		Name: "metrics", Priority: priorityMetrics,
		Step: func(st *Status) error {
			return s.metrics.append(&Record{
				Kind: kindStep, Stage: st.Stage, Epoch: st.Epoch + 1, Step: st.Step, Losses: st.Losses, Scores: st.Scores, LR: st.LR, Seconds: st.Seconds,
			})
		},
		Epoch: func(st *Status) error {
			if st.Validation == nil {
				return nil
			}
			v := st.Validation
			return s.metrics.append(&Record{
				Kind: kindValidation, Stage: st.Stage, Epoch: st.Epoch, Step: st.Step, Scores: v.Scores, Best: v.Best, Seconds: v.Seconds,
			})
		},
	}
}

// lines tells of the start, the epochs and the end of a stage.
func (t *trainer) lines(s *stage) Hook {
	begun, loss, miou, steps := time.Now(), 0.0, 0.0, 0
	return Hook{
		Name: "log", Priority: priorityLog,
		Start: func(st *Status) error {
			t.log.printf("stage %s: fold %d, %d pictures, %d epochs of %d steps, %d trained values, on %s",
				st.Stage, t.Fold.Index, s.feed.images, st.Epochs, s.epoch, trainedValues(s.task), t.Device.Name())
			if s.feed.val != nil && s.steps < s.epoch {
				t.log.printf("stage %s: max_steps ends it within its first epoch: it is not validated, and the weights of its end are kept", st.Stage)
			}
			return nil
		},
		Step: func(st *Status) error {
			loss += st.Losses[total]
			miou += st.Scores[trainingMIoU]
			steps++
			return nil
		},
		Epoch: func(st *Status) error {
			line := fmt.Sprintf("stage %s, epoch %d of %d, step %d", st.Stage, st.Epoch, st.Epochs, st.Step)
			if steps > 0 {
				line += fmt.Sprintf(": mean loss %.4f", loss/float64(steps))
				if _, ok := st.Scores[trainingMIoU]; ok {
					line += fmt.Sprintf(", mean training mIoU %.4f", miou/float64(steps))
				}
			}
			if v := st.Validation; v != nil {
				line += ", validation " + formatScores(v.Scores)
				if v.Best {
					line += " (best so far)"
				}
			}
			t.log.printf("%s", line)
			loss, miou, steps = 0, 0, 0
			return nil
		},
		End: func(st *Status) error {
			if st.Stopped != "" {
				t.log.printf("stage %s stopped: %s", st.Stage, st.Stopped)
			}
			line := fmt.Sprintf("stage %s complete after %s", st.Stage, time.Since(begun).Round(time.Second))
			if st.BestEpoch > 0 {
				line += fmt.Sprintf(": best mIoU %.4f in epoch %d", st.BestScore, st.BestEpoch)
			}
			t.log.printf("%s", line)
			if peak := op.PeakMemory(t.Device); peak > 0 {
				t.log.printf("peak memory %s so far, activations of the stage %s, on %s", op.FormatBytes(peak), op.FormatBytes(s.task.Peak()), t.Device.Name())
			}
			return nil
		},
	}
}

func trainedValues(task stageTask) int {
	n := 0
	for _, p := range task.Set().Params {
		if p.Grad != nil {
			n += p.Len()
		}
	}
	return n
}

func formatScores(scores map[string]float64) string {
	var parts []string
	for name, v := range scores {
		parts = append(parts, fmt.Sprintf("%s %.4f", name, v))
	}
	sort.Strings(parts)
	return strings.Join(parts, ", ")
}

// checkpoints saves the state at the start of the stage, so that a directory that cannot
// hold it is found out before any work and there always is one to go back to, and at the
// end of every epoch and of the stage. Within an epoch stepAndSave does, every SaveEvery.
func (s *stage) checkpoints() Hook {
	save := func(*Status) error { return s.save() }
	return Hook{Name: "checkpoint", Priority: priorityCheckpoint, Start: save, Epoch: save, End: save}
}
