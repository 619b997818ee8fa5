package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
)

// TestResumeNeedsItsData: a run goes on only with the data that it began with, or when it
// is told that it changed.
func TestResumeNeedsItsData(t *testing.T) {
	dir := t.TempDir()
	set, run := filepath.Join(dir, "set"), filepath.Join(dir, "run")
	if _, errs, code := hdmnet(t, "data", "synth", "--out", set, "--train", "24", "--val", "20", "--size", "64", "--set", "dataset.min_area=20"); code != 0 {
		t.Fatal(errs)
	}
	args := []string{"train", "--fold", "0", "--stage", "base", "--out", run, "--config", filepath.Join(set, "config.yaml"), "--device", "cpu",
		"--set", "model.size=33", "--set", "train.base.size=33", "--set", "train.base.max_steps=1", "--set", "train.base.validate_every=0"}
	if _, errs, code := hdmnet(t, args...); code != 0 {
		t.Fatal(errs)
	}
	resume := []string{"train", "--fold", "0", "--out", run, "--resume", "--device", "cpu"}
	if _, errs, code := hdmnet(t, resume...); code != 0 {
		t.Fatalf("unchanged: %s", errs)
	}
	list := filepath.Join(set, "train.txt")
	lines := strings.Split(strings.TrimSpace(string(read(t, list))), "\n")
	slices.Reverse(lines)
	write(t, list, []byte(strings.Join(lines, "\n")+"\n"))
	fails(t, ui.ExitError, resume, "training list has other pairs", "--accept-changed-data")
	if _, errs, code := hdmnet(t, append(resume, "--accept-changed-data")...); code != 0 || !strings.Contains(errs, "warning: the data has changed") {
		t.Errorf("accepted: code %d, %s", code, errs)
	}
	mask := filepath.Join(set, "SegmentationClassAug", "train_000000.png")
	slices.Reverse(lines)
	write(t, list, []byte(strings.Join(lines, "\n")+"\n"))
	write(t, mask, read(t, filepath.Join(set, "SegmentationClassAug", "train_000001.png")))
	fails(t, ui.ExitError, resume, "masks of the training list", "--accept-changed-data")
}
