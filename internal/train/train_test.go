package train

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/config"
	"hdmnet/internal/cpu"
	"hdmnet/internal/data"
	"hdmnet/internal/run"
	"hdmnet/internal/weights"
)

// trial is a whole run in seconds: both stages of the tiny network at 33×33.
func trial(t *testing.T, dir string, set ...string) Options {
	t.Helper()
	c, err := config.Load(config.Options{Set: append([]string{
		"model.size=33", "dataset.synth_size=64", "dataset.synth_train=24", "dataset.synth_val=12", "dataset.min_area=20",
		"train.base.size=33", "train.base.batch=4", "train.base.epochs=2", "train.base.validate_every=1",
		"train.meta.batch=2", "train.meta.epochs=2", "train.meta.validate_every=1", "train.meta.validate_episodes=6",
	}, set...)})
	if err != nil {
		t.Fatal(err)
	}
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	fold, err := data.Shapes5i(0)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Config: c, Name: "shapes5i", Fold: fold, Device: dev, Out: &bytes.Buffer{}}
	for _, split := range []data.Split{data.Train, data.Val} {
		count := c.Dataset.SynthTrain
		if split == data.Val {
			count = c.Dataset.SynthVal
		}
		src, err := data.NewShapes(data.ShapesOptions{Fold: fold, Split: split, Seed: 1, Count: count, Size: c.Dataset.SynthSize})
		if err != nil {
			t.Fatal(err)
		}
		index, err := data.BuildIndex(context.Background(), src, fold, data.IndexOptions{Split: split, MinArea: c.Dataset.MinArea})
		if err != nil {
			t.Fatal(err)
		}
		index, _ = index.WithoutScarce(c.Model.Shots)
		if split == data.Train {
			o.Train = Pictures{src, index}
		} else {
			o.Val = &Pictures{src, index}
		}
	}
	if dir == "" {
		dir = filepath.Join(t.TempDir(), "run")
	}
	open := run.Create
	if _, err := os.Stat(dir); err == nil {
		open, o.Resume = run.Resume, true
	}
	if o.Dir, err = open(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Dir.Close() })
	return o
}

// steps of a trial: 24 pictures give 6 base steps an epoch, and as many meta steps as
// the index has pairs of pictures.
func mustRun(t *testing.T, ctx context.Context, o Options) {
	t.Helper()
	if err := Run(ctx, o); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// results are the files that must not depend on how often a run was interrupted.
func results(o Options) []string { return []string{o.Dir.Base(), o.Dir.Best(), o.Dir.Last()} }

func TestRunLeavesItsFiles(t *testing.T) {
	o := trial(t, "")
	mustRun(t, context.Background(), o)
	for _, path := range append(results(o), o.Dir.Config(), o.Dir.Metrics(), o.Dir.Log(), o.Dir.Curves()) {
		if len(read(t, path)) == 0 {
			t.Errorf("%s is empty", path)
		}
	}
	records, err := ReadMetrics(o.Dir.Metrics())
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, r := range records {
		kinds[r.Stage+" "+r.Kind]++
		if r.Kind == kindStep && !finite(r.Losses[total]) {
			t.Errorf("step %d of %s: loss %v", r.Step, r.Stage, r.Losses)
		}
	}
	if kinds["base step"] != 12 || kinds["base validation"] != 2 || kinds["meta validation"] != 2 || kinds["meta step"] == 0 {
		t.Errorf("records %v", kinds)
	}
	f, err := weights.Open(o.Dir.Best())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if m := f.Metadata(); m["fold"] != "0" || m["stage"] != Meta || m["shots"] != "1" {
		t.Errorf("metadata %v", m)
	}
	// A complete run has nothing left to do, and says so.
	o.Dir.Close()
	again := trial(t, o.Dir.Path())
	before := read(t, again.Dir.Last())
	mustRun(t, context.Background(), again)
	if !bytes.Equal(before, read(t, again.Dir.Last())) {
		t.Error("resuming a complete run changed its checkpoint")
	}
	if out := again.Out.(*bytes.Buffer).String(); !strings.Contains(out, "stage meta is complete already") {
		t.Errorf("output %q", out)
	}
}

// TestBaseStageTakesAllPictures: the base stage draws from the whole list, the meta stage
// from the pictures with a class large enough.
func TestBaseStageTakesAllPictures(t *testing.T) {
	o := trial(t, "", "dataset.min_area=400", "train.base.validate_every=0", "train.meta.validate_every=0", "train.base.epochs=1", "train.meta.epochs=1")
	o.Val = nil
	listed, indexed := o.Train.Source.Len(), len(o.Train.Index.Images)
	if indexed == 0 || indexed > listed-4 {
		t.Fatalf("%d of %d pictures in the index: too few, or too many for a difference", indexed, listed)
	}
	steps := map[string]int{}
	o.Hooks = []Hook{{Name: "count", Step: func(s *Status) error { steps[s.Stage]++; return nil }}}
	mustRun(t, context.Background(), o)
	if steps[Base] != listed/4 || steps[Meta] != indexed/2 {
		t.Errorf("steps %v, want %d and %d", steps, listed/4, indexed/2)
	}
}

// TestResumeIsBitEqual: a run that is interrupted after a few steps, again and again,
// in both stages, ends with the same bytes as one that is not.
func TestResumeIsBitEqual(t *testing.T) {
	whole := trial(t, "")
	mustRun(t, context.Background(), whole)

	dir := filepath.Join(t.TempDir(), "run")
	interrupted := 0
	for {
		o := trial(t, dir)
		ctx, cancel := context.WithCancel(context.Background())
		steps := 0
		o.Hooks = []Hook{{Name: "stop", Step: func(*Status) error {
			if steps++; steps == 4 {
				cancel()
			}
			return nil
		}}}
		err := Run(ctx, o)
		cancel()
		o.Dir.Close()
		if err == nil {
			if interrupted < 4 {
				t.Fatalf("interrupted only %d times", interrupted)
			}
			for i, path := range results(o) {
				if !bytes.Equal(read(t, path), read(t, results(whole)[i])) {
					t.Errorf("%s differs from that of the uninterrupted run", filepath.Base(path))
				}
			}
			a, err := ReadMetrics(o.Dir.Metrics())
			if err != nil {
				t.Fatal(err)
			}
			b, _ := ReadMetrics(whole.Dir.Metrics())
			if len(a) != len(b) {
				t.Errorf("%d records, the uninterrupted run has %d", len(a), len(b))
			}
			return
		}
		if !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
		interrupted++
	}
}

// TestCrashRepeatsSteps: a run that dies without saving goes on from its last checkpoint
// and ends with the same bytes.
func TestCrashRepeatsSteps(t *testing.T) {
	whole := trial(t, "")
	mustRun(t, context.Background(), whole)
	dir := filepath.Join(t.TempDir(), "run")
	crash := errors.New("crash")
	for _, at := range []int{3, 8, 4} { // before the first checkpoint, within an epoch, in the next stage
		o := trial(t, dir)
		steps := 0
		o.Hooks = []Hook{{Name: "crash", Step: func(*Status) error {
			if steps++; steps == at {
				return crash
			}
			return nil
		}}}
		if err := Run(context.Background(), o); !errors.Is(err, crash) {
			t.Fatal(err)
		}
		o.Dir.Close()
	}
	o := trial(t, dir)
	mustRun(t, context.Background(), o)
	for i, path := range results(o) {
		if !bytes.Equal(read(t, path), read(t, results(whole)[i])) {
			t.Errorf("%s differs from that of the uninterrupted run", filepath.Base(path))
		}
	}
}

func TestWorkersDoNotMatter(t *testing.T) {
	a, b := trial(t, "", "train.workers=1", "train.prefetch=1"), trial(t, "", "train.workers=5", "train.prefetch=7")
	mustRun(t, context.Background(), a)
	mustRun(t, context.Background(), b)
	if !bytes.Equal(read(t, a.Dir.Last()), read(t, b.Dir.Last())) {
		t.Error("the number of loader workers changed the result")
	}
}

func TestAccumulation(t *testing.T) {
	// Two batches of one and one batch of two see the same episodes; without dropout the
	// gradients agree but for the mean over labelled pixels of each batch.
	last := func(set ...string) map[string]float64 {
		o := trial(t, "", append(set, "train.stage=meta", "train.meta.dropout=false", "train.meta.max_steps=1", "train.meta.validate_every=0")...)
		mustRun(t, context.Background(), o)
		r, err := ReadMetrics(o.Dir.Metrics())
		if err != nil || len(r) != 1 {
			t.Fatalf("%d records: %v", len(r), err)
		}
		return r[0].Losses
	}
	one, two := last("train.meta.batch=2"), last("train.meta.batch=1", "train.meta.accumulate=2")
	for _, name := range []string{total, "main", "distill"} {
		// Labels differ only in the few pixels that rotation ignores: about a percent.
		if d := math.Abs(one[name]-two[name]) / one[name]; !(d < 0.03) {
			t.Errorf("%s: %g in one batch, %g accumulated", name, one[name], two[name])
		}
	}
}

func TestDivergenceStops(t *testing.T) {
	o := trial(t, "", "train.stage=base", "train.base.epochs=3", "train.base.lr=1e30", "train.base.power=0")
	var diverged *DivergedError
	err := Run(context.Background(), o)
	if !errors.As(err, &diverged) {
		t.Fatalf("error %v, want a DivergedError", err)
	}
	for _, want := range []string{"stage base, step", "query ", "lower learning rate"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	if c, err := openCheckpoint(o.Dir, func(s string) { t.Error(s) }); err == nil && c != nil {
		defer c.Close()
		for _, name := range c.Names() {
			if c.Dtype(name) != "F32" {
				continue
			}
			v, _, err := c.Float32(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range v {
				if !finite(float64(x)) {
					t.Fatalf("the checkpoint holds %g in %s", x, name)
				}
			}
		}
	}
}

func TestDamagedCheckpointFallsBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	o := trial(t, dir)
	mustRun(t, context.Background(), o)
	want := read(t, o.Dir.Last())
	o.Dir.Close()
	half := want[:len(want)/2]
	if err := os.WriteFile(o.Dir.Last(), half, 0o666); err != nil {
		t.Fatal(err)
	}
	o = trial(t, dir)
	mustRun(t, context.Background(), o)
	if !bytes.Equal(read(t, o.Dir.Last()), want) {
		t.Error("the run did not get back to where it was")
	}
	if out := o.Out.(*bytes.Buffer).String(); !strings.Contains(out, "warning: going on from the checkpoint before it") {
		t.Errorf("output %q", out)
	}
	o.Dir.Close()
	for _, path := range []string{o.Dir.Last(), o.Dir.Previous()} {
		if err := os.WriteFile(path, half, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	o = trial(t, dir)
	if err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "no checkpoint to go on from") {
		t.Errorf("error %v", err)
	}
}

func TestOtherSettingsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	o := trial(t, dir, "train.stage=base")
	mustRun(t, context.Background(), o)
	o.Dir.Close()
	o = trial(t, dir, "train.base.lr=0.5", "train.seed=9")
	err := Run(context.Background(), o)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"train.base.lr was", "is 0.5 now", "train.seed was"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
}

func TestEarlyStop(t *testing.T) {
	// A rate of next to nothing: no epoch is better than the first.
	o := trial(t, "", "train.stage=base", "train.base.epochs=50", "train.base.early_stop=2", "train.base.lr=1e-30")
	mustRun(t, context.Background(), o)
	if out := o.Out.(*bytes.Buffer).String(); !strings.Contains(out, "stage base stopped: no better score") {
		t.Errorf("output %q", out)
	}
}
