package prepare

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/data"
)

func synth(t *testing.T, out string) SynthOptions {
	t.Helper()
	fold, err := data.Shapes5i(2)
	if err != nil {
		t.Fatal(err)
	}
	return SynthOptions{Options: Options{Out: out}, Fold: fold, Seed: 5, Size: 64, Train: 7, Val: 4}
}

// TestSynth: what is read back is what the set in memory gives, whatever the workers.
func TestSynth(t *testing.T) {
	dir := t.TempDir()
	opt := synth(t, dir)
	report, err := Synth(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if report.Written != 11 || report.Kept != 0 || len(report.Lists) != 2 || report.Lists[1].Pairs != 4 {
		t.Errorf("report %+v", report)
	}
	names, err := data.ReadClasses(filepath.Join(dir, "classes.txt"))
	if err != nil || strings.Join(names, ",") != strings.Join(data.ClassNames("shapes5i"), ",") {
		t.Errorf("classes %q, error %v", names, err)
	}
	for split, count := range map[data.Split]int{data.Train: 7, data.Val: 4} {
		disk, err := data.OpenList(filepath.Join(dir, split.String()+".txt"), dir, 20)
		if err != nil {
			t.Fatal(err)
		}
		memory, err := data.NewShapes(data.ShapesOptions{Fold: opt.Fold, Split: split, Seed: 5, Count: count, Size: 64})
		if err != nil {
			t.Fatal(err)
		}
		if disk.Len() != count {
			t.Fatalf("%s: %d entries, want %d", split, disk.Len(), count)
		}
		for i := range count {
			a, err := disk.Load(i)
			if err != nil {
				t.Fatal(err)
			}
			b, err := memory.Load(i)
			if err != nil {
				t.Fatal(err)
			}
			if a.H != b.H || a.W != b.W || !bytes.Equal(a.Image, b.Image) || !bytes.Equal(a.Mask, b.Mask) {
				t.Errorf("%s differs on disk and in memory", a.Name)
			}
		}
	}

	other := synth(t, t.TempDir())
	other.Workers = 1
	if _, err := Synth(context.Background(), other); err != nil {
		t.Fatal(err)
	}
	want, got := files(t, dir), files(t, other.Out)
	if len(want) != 2*11+4 || len(got) != len(want) {
		t.Errorf("%d and %d files, want 26", len(want), len(got))
	}
	sameFiles(t, got, want)
}

// TestSynthGoesOn: a run that was stopped goes on, damaged files are made again, and
// other settings are refused.
func TestSynthGoesOn(t *testing.T) {
	whole := synth(t, t.TempDir())
	if _, err := Synth(context.Background(), whole); err != nil {
		t.Fatal(err)
	}
	want := files(t, whole.Out)

	opt := synth(t, t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	opt.Workers = 1
	opt.Progress = func(_ string, done, _ int) {
		if done == 3 {
			cancel()
		}
	}
	if _, err := Synth(ctx, opt); !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped: error %v", err)
	}
	for _, name := range []string{"JPEGImages/train_000000.png", "SegmentationClassAug/train_000001.png"} {
		if err := os.WriteFile(filepath.Join(opt.Out, name), []byte(want[name][:100]), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	opt.Progress = nil
	report, err := Synth(context.Background(), opt)
	if err != nil || report.Kept != 2 || report.Written != 9 {
		t.Fatalf("gone on: %+v, error %v", report, err)
	}
	sameFiles(t, files(t, opt.Out), want)
	for key, change := range map[string]func(*SynthOptions){
		"seed 5":  func(o *SynthOptions) { o.Seed = 6 },
		"size 64": func(o *SynthOptions) { o.Size = 65 },
		"fold 2":  func(o *SynthOptions) { o.Fold, _ = data.Shapes5i(0) },
	} {
		o := opt
		change(&o)
		if _, err := Synth(context.Background(), o); err == nil || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), "--force") {
			t.Errorf("another %s: error %v", key, err)
		}
	}
	opt.Train = 0
	if _, err := Synth(context.Background(), opt); err == nil || !strings.Contains(err.Error(), "0 scenes") {
		t.Errorf("no scenes: error %v", err)
	}
}
