package train

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hdmnet/internal/config"
	"hdmnet/internal/cpu"
	"hdmnet/internal/data"
	"hdmnet/internal/experiment"
	"hdmnet/internal/run"
)

// trial is a whole run in seconds: both stages of the tiny network at 33×33. An epoch has
// 6 base steps, a batch of 4 of 24 pictures each, and as many meta steps as the index has
// pairs of pictures. In a directory that exists the run goes on.
func trial(t *testing.T, dir string, set ...string) Options {
	t.Helper()
	c, err := config.Load(config.Options{Set: append([]string{
		"model.size=33", "dataset.synth_size=64", "dataset.synth_train=24", "dataset.synth_val=12", "dataset.min_area=20",
		"train.base.size=33", "train.base.batch=4", "train.base.accumulate=1", "train.base.epochs=2", "train.base.validate_every=1",
		"train.meta.batch=2", "train.meta.accumulate=1", "train.meta.epochs=2", "train.meta.validate_every=1", "train.meta.validate_episodes=6",
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
			o.Train = experiment.Pictures{Source: src, Index: index}
		} else {
			o.Val = &experiment.Pictures{Source: src, Index: index}
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

// long leaves a test of whole runs out of -short. What runs in parallel is the same in the
// tests that stay, for the race detector.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("trains whole runs")
	}
}

func mustRun(t *testing.T, o Options) {
	t.Helper()
	if err := Run(context.Background(), o); err != nil {
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

// results are the files that depend on the settings alone.
func results(d *run.Dir) []string { return []string{d.Base(), d.Best(), d.Last()} }

// whole is what a trial leaves that nothing interrupts. It is trained once for all tests.
var whole struct {
	once    sync.Once
	files   [][]byte // results
	metrics []string // withoutTime
}

func trainWhole(t *testing.T) {
	t.Helper()
	whole.once.Do(func() {
		o := trial(t, "")
		mustRun(t, o)
		for _, path := range results(o.Dir) {
			whole.files = append(whole.files, read(t, path))
		}
		whole.metrics = withoutTime(t, o.Dir.Metrics())
	})
	if len(whole.files) < 3 || len(whole.metrics) == 0 {
		t.Fatal("the run to compare with failed")
	}
}

// sameAsWhole fails unless the run in d ended as whole did.
func sameAsWhole(t *testing.T, d *run.Dir) {
	t.Helper()
	trainWhole(t)
	for i, path := range results(d) {
		if !bytes.Equal(read(t, path), whole.files[i]) {
			t.Errorf("%s differs from that of the uninterrupted run", filepath.Base(path))
		}
	}
	if n := countRecords(t, d); n != len(whole.metrics) {
		t.Errorf("%d records, the uninterrupted run has %d", n, len(whole.metrics))
	}
}

func countRecords(t *testing.T, d *run.Dir) int {
	t.Helper()
	records, err := ReadMetrics(d.Metrics())
	if err != nil {
		t.Fatal(err)
	}
	return len(records)
}

// interrupt runs o for n steps at most and closes its directory. It tells whether the run
// was interrupted and not complete before.
func interrupt(t *testing.T, o Options, n int) bool {
	t.Helper()
	defer o.Dir.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o.Hooks = []Hook{{Name: "stop", Step: func(*Status) error {
		if n--; n == 0 {
			cancel()
		}
		return nil
	}}}
	err := Run(ctx, o)
	if err != nil && !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	return err != nil
}

// refused runs o, which must fail before its first step with all of these words.
func refused(t *testing.T, o Options, want ...string) {
	t.Helper()
	o.Hooks = []Hook{{Name: "none", Step: func(s *Status) error { return errors.New("a step was made") }}}
	err := Run(context.Background(), o)
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q: %v", w, err)
		}
	}
	o.Dir.Close()
}
