package train

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestResumeIsBitEqual: a run that is interrupted after a few steps, again and again,
// in both stages, ends with the same bytes as one that is not.
func TestResumeIsBitEqual(t *testing.T) {
	long(t)
	dir := filepath.Join(t.TempDir(), "run")
	interrupted := 0
	o := trial(t, dir)
	for interrupt(t, o, 4) {
		interrupted++
		o = trial(t, dir)
	}
	if interrupted < 4 {
		t.Fatalf("interrupted only %d times", interrupted)
	}
	sameAsWhole(t, o.Dir)
}

// TestCrashRepeatsWork: a run that dies without saving goes on from its last checkpoint,
// and one that is interrupted in a validation does it again; it ends with the same bytes.
func TestCrashRepeatsWork(t *testing.T) {
	long(t)
	dir := filepath.Join(t.TempDir(), "run")
	crash := errors.New("crash")
	after := func(n int) func(*Status) error {
		return func(*Status) error {
			if n--; n == 0 {
				return crash
			}
			return nil
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, c := range []struct {
		ctx  context.Context
		hook Hook
		want error
	}{
		{context.Background(), Hook{Step: after(3)}, crash}, // in the first epoch
		{ctx, Hook{Priority: priorityValidation - 1, Epoch: func(*Status) error { cancel(); return nil }}, ErrInterrupted},
		{context.Background(), Hook{Step: after(8)}, crash}, // in the next stage
	} {
		o := trial(t, dir)
		o.Hooks = []Hook{c.hook}
		if err := Run(c.ctx, o); !errors.Is(err, c.want) {
			t.Fatalf("error %v, want %v", err, c.want)
		}
		o.Dir.Close()
	}
	o := trial(t, dir)
	mustRun(t, o)
	sameAsWhole(t, o.Dir)
}

// TestDamagedCheckpointFallsBack: a checkpoint that is cut short, or that has a wrong bit,
// gives way to the one before it; without any other the run stops.
func TestDamagedCheckpointFallsBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	set := []string{"train.stage=base", "train.base.validate_every=0"}
	o := trial(t, dir, set...)
	mustRun(t, o)
	want := read(t, o.Dir.Last())
	half, flipped := want[:len(want)/2], bytes.Clone(want)
	flipped[len(flipped)*2/3] ^= 4
	for _, damaged := range [][]byte{half, flipped} {
		o.Dir.Close()
		if err := os.WriteFile(o.Dir.Last(), damaged, 0o666); err != nil {
			t.Fatal(err)
		}
		o = trial(t, dir, set...)
		mustRun(t, o)
		if !bytes.Equal(read(t, o.Dir.Last()), want) {
			t.Error("the run did not get back to where it was")
		}
		if out := o.Out.(*bytes.Buffer).String(); !strings.Contains(out, "warning: going on from the checkpoint before it") {
			t.Errorf("output %q", out)
		}
	}
	o.Dir.Close()
	for _, path := range []string{o.Dir.Last(), o.Dir.Previous()} {
		if err := os.WriteFile(path, half, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, trial(t, dir, set...), "no checkpoint to go on from", o.Dir.Last(), o.Dir.Previous())
}

func TestOtherSettingsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	interrupt(t, trial(t, dir), 1)
	refused(t, trial(t, dir, "train.base.lr=0.5", "train.seed=9"), "train.base.lr was", "is 0.5 now", "train.seed was")
}

// TestMovedDataSet: the pictures may lie elsewhere when a run goes on, but must be as many;
// it may go on on another device and in another precision.
func TestMovedDataSet(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	interrupt(t, trial(t, dir), 1)
	moved := []string{"dataset.root=elsewhere", "dataset.train_list=elsewhere/train.txt", "dataset.val_list=elsewhere/val.txt", "device=cpu", "precision=bf16"}
	if !interrupt(t, trial(t, dir, moved...), 1) {
		t.Error("the run did not go on")
	}
	o := trial(t, dir)
	o.Train = trial(t, "", "dataset.synth_train=32").Train
	refused(t, o, "an epoch had 6 batches and has 8 now")
}

// TestMetaNeedsACompleteBaseStage: a base learner half trained is not what the meta stage
// is to start from, unless base.weights brings another one.
func TestMetaNeedsACompleteBaseStage(t *testing.T) {
	long(t)
	dir := filepath.Join(t.TempDir(), "run")
	interrupt(t, trial(t, dir), 8) // of 12, after the first epoch's base.safetensors
	config := filepath.Join(dir, "config.yaml")
	before := read(t, config)
	refused(t, trial(t, dir, "train.stage=meta"), "cannot start stage meta", "stage base", "step 8", "--stage all")
	if !bytes.Equal(before, read(t, config)) {
		t.Error("the refused run changed config.yaml")
	}

	base := filepath.Join(dir, "base.safetensors")
	other := filepath.Join(t.TempDir(), "run")
	set := []string{"base.weights=" + base, "train.meta.validate_every=0"}
	interrupt(t, trial(t, other, set...), 3)
	if !interrupt(t, trial(t, other, append(set, "train.stage=meta")...), 1) {
		t.Error("no step of the meta stage was made")
	}
}

// TestEveryStageStartsWithACheckpoint: the state before the first step is on the disk, and
// where it cannot be, no step is made.
func TestEveryStageStartsWithACheckpoint(t *testing.T) {
	long(t)
	o := trial(t, "", "train.base.epochs=1", "train.meta.epochs=1", "train.base.validate_every=0", "train.meta.validate_every=0")
	seen := map[string]bool{}
	o.Hooks = []Hook{{Name: "look", Step: func(s *Status) error {
		if s.Step > 1 {
			return nil
		}
		c, err := readCheckpoint(o.Dir.Last())
		if err != nil {
			return err
		}
		defer c.Close()
		seen[s.Stage] = c.state.Stage == s.Stage && c.state.Step == 0
		return nil
	}}}
	mustRun(t, o)
	if !seen[Base] || !seen[Meta] {
		t.Errorf("a checkpoint of step 0: %v", seen)
	}

	o = trial(t, "")
	if err := os.RemoveAll(o.Dir.Checkpoints()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.Dir.Checkpoints(), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	refused(t, o, "checkpoint", o.Dir.Checkpoints())
}

// TestOldSettings: a checkpoint of an earlier version, which has settings by other names
// and lacks some, can be continued with the same values and the defaults, and not with
// others.
func TestOldSettings(t *testing.T) {
	o := trial(t, "")
	now := settings(o.Config, o.Fold, 1)
	old := maps.Clone(now)
	for key, was := range map[string]string{"train.base.lr_mult.head": "train.base.head_lr_multiplier", "eval.emulated_dataloader_workers": "eval.draw_workers"} {
		old[was] = old[key]
		delete(old, key)
	}
	delete(old, "model.shot_fusion")
	delete(old, "train.meta.shots")
	s := &State{Settings: old}
	if err := s.checkSettings("last.safetensors", now); err != nil {
		t.Error(err)
	}
	old["eval.draw_workers"] = "3"
	if err := s.checkSettings("last.safetensors", now); err == nil || !strings.Contains(err.Error(), "eval.emulated_dataloader_workers was 3 and is ") {
		t.Errorf("another number of workers: %v", err)
	}
	old["eval.draw_workers"] = now["eval.emulated_dataloader_workers"]
	now["model.shot_fusion"] = "vote"
	if err := s.checkSettings("last.safetensors", now); err == nil || !strings.Contains(err.Error(), "model.shot_fusion was auto and is vote now") {
		t.Errorf("a key that the checkpoint lacks, not at its default: %v", err)
	}
}
