package main

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/weights"
)

// synthetic are settings that make scenes fast, and a network that learns from them fast.
var synthetic = []string{
	"--set", "dataset.synth_size=64", "--set", "dataset.synth_train=24", "--set", "dataset.synth_val=20",
	"--set", "dataset.min_area=20", "--set", "model.size=33", "--set", "device=cpu",
	"--set", "train.base.size=33", "--set", "train.base.epochs=1", "--set", "train.meta.epochs=1", "--set", "train.meta.validate_episodes=5",
}

// TestCustomSet: the set that data synth writes trains, evaluates and predicts as a custom
// set, to the same bits as shapes5i in memory.
func TestCustomSet(t *testing.T) {
	if testing.Short() {
		t.Skip("trains two networks")
	}
	dir := t.TempDir()
	set := filepath.Join(dir, "set")
	out, errs, code := hdmnet(t, with([]string{"data", "synth", "--out", set, "--fold", "1"}, synthetic)...)
	if code != 0 || !strings.Contains(out, "44 written") || !strings.Contains(out, "--fold 1") || !strings.Contains(out, "rimmed disc") {
		t.Fatalf("synth: code %d, %s%s", code, out, errs)
	}
	memory, disk := filepath.Join(dir, "memory"), filepath.Join(dir, "disk")
	if _, errs, code := hdmnet(t, with([]string{"train", "--fold", "1", "--out", memory}, synthetic)...); code != 0 {
		t.Fatalf("train in memory: %s", errs)
	}
	config := filepath.Join(set, "config.yaml")
	if _, errs, code := hdmnet(t, "train", "--fold", "1", "--config", config, "--out", disk); code != 0 {
		t.Fatalf("train from disk: %s", errs)
	}
	a, b := filepath.Join(memory, "best.safetensors"), filepath.Join(disk, "best.safetensors")
	sameWeights(t, a, b)

	score := func(dir string) map[string]any {
		out, errs, code := hdmnet(t, "eval", "--run", dir, "--episodes", "6", "--seeds", "4", "--json")
		if code != 0 {
			t.Fatalf("eval %s: %s", dir, errs)
		}
		return decode(t, out)
	}
	inMemory, onDisk := score(memory), score(disk)
	for _, key := range []string{"miou", "fb_iou", "miou_meta", "miou_base"} {
		if inMemory[key] != onDisk[key] {
			t.Errorf("%s is %v in memory and %v from disk", key, inMemory[key], onDisk[key])
		}
	}
	if onDisk["dataset"] != "custom" || len(onDisk["per_class"].(map[string]any)) == 0 {
		t.Errorf("report %v", onDisk)
	}
	for name := range onDisk["per_class"].(map[string]any) {
		if !slices.Contains(strings.Split(string(read(t, filepath.Join(set, "classes.txt"))), "\n"), name) {
			t.Errorf("class %q is not in classes.txt", name)
		}
	}

	picture := filepath.Join(set, "JPEGImages", "val_000001.png")
	mask := filepath.Join(set, "SegmentationClassAug", "val_000001.png")
	if _, errs, code := hdmnet(t, "predict", "--run", disk, "--support", picture+":"+mask, "--query", picture, "--out", filepath.Join(dir, "out")); code != 0 {
		t.Errorf("predict: %s", errs)
	}

	// The class file may lie elsewhere when a run goes on, but must say the same.
	names := read(t, filepath.Join(set, "classes.txt"))
	moved := write(t, filepath.Join(dir, "moved.txt"), names)
	if _, errs, code := hdmnet(t, "train", "--fold", "1", "--out", disk, "--resume", "--set", "dataset.classes="+moved); code != 0 {
		t.Errorf("class file elsewhere: %s", errs)
	}
	write(t, moved, bytes.Replace(names, []byte("\n"), []byte(" two\n"), 1))
	fails(t, ui.ExitError, []string{"train", "--fold", "1", "--out", disk, "--resume", "--set", "dataset.classes=" + moved}, "base classes", "rimmed disc two")
	write(t, moved, names)
	fails(t, ui.ExitUsage, []string{"eval", "--run", disk, "--fold", "7"}, "fold 7", "it has 4")
	fails(t, ui.ExitUsage, []string{"eval", "--run", disk, "--fold", "all"}, "give --run 4 times (got 1)")
	// In other folds the network's base classes are not those of the set's fold.
	fails(t, ui.ExitUsage, []string{"eval", "--run", disk, "--fold", "all", "--set", "dataset.folds=5"}, "--fold all")
}

// sameWeights compares the tensors of two files bit by bit.
func sameWeights(t *testing.T, a, b string) {
	t.Helper()
	x, err := weights.Open(a)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	y, err := weights.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	defer y.Close()
	if len(x.Names()) == 0 || !slices.Equal(x.Names(), y.Names()) {
		t.Fatalf("%s and %s hold other tensors", a, b)
	}
	for _, name := range x.Names() {
		if x.Dtype(name) != "F32" {
			continue
		}
		p, _, err := x.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		q, _, err := y.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(p, q) {
			t.Errorf("%s differs", name)
		}
	}
}

// TestCustomFolds: uneven folds by count and by list make networks of their own size, and
// a set's number of folds is its own.
func TestCustomFolds(t *testing.T) {
	dir := t.TempDir()
	set := filepath.Join(dir, "set")
	if _, errs, code := hdmnet(t, with([]string{"data", "synth", "--out", set, "--fold", "0"}, synthetic)...); code != 0 {
		t.Fatalf("synth: %s", errs)
	}
	list := write(t, filepath.Join(set, "folds.txt"), []byte("1, rimmed square, 3\n4, 5, 6, 7, 8, 9\n"))
	custom := func(args ...string) []string {
		return with(args, []string{"--config", filepath.Join(set, "config.yaml"), "--set", "train.base.validate_every=0"})
	}
	byList := custom("train", "--fold", "1", "--stage", "base", "--set", "dataset.fold_list="+list, "--out", filepath.Join(dir, "list"))
	if _, errs, code := hdmnet(t, byList...); code != 0 {
		t.Fatalf("train by list: %s", errs)
	}
	f, err := weights.Open(filepath.Join(dir, "list", "base.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if shape, ok := f.Shape("cls.4.weight"); !ok || shape[0] != 20-6+1 {
		t.Errorf("classifier %v (%v), want 15 outputs", shape, f.Names())
	}

	fails(t, ui.ExitUsage, custom("train", "--fold", "2", "--set", "dataset.fold_list="+list), "fold 2 of the custom set", "it has 2")
	fails(t, ui.ExitUsage, custom("train", "--fold", "3", "--set", "dataset.folds=3"), "fold 3 of the custom set", "it has 3")
	fails(t, ui.ExitUsage, custom("train", "--fold", "0", "--set", "dataset.folds=21"), "dataset.folds", "21 folds of 20 classes")
	fails(t, ui.ExitUsage, custom("train", "--fold", "0", "--set", "dataset.folds=1"), "dataset.folds is 1")
	fails(t, ui.ExitUsage, custom("train", "--fold", "0", "--set", "dataset.classes="), "dataset.classes")
	fails(t, ui.ExitError, custom("train", "--fold", "0", "--set", "dataset.classes=none.txt"), "none.txt", "data root", "dataset.classes")
	fails(t, ui.ExitError, custom("train", "--fold", "0", "--set", "dataset.train_list=none.txt"), "none.txt", "data root", "dataset.train_list")
	bad := write(t, filepath.Join(dir, "bad.txt"), []byte("1\nrimmed triangel\n"))
	fails(t, ui.ExitError, custom("train", "--fold", "0", "--set", "dataset.fold_list="+bad), "bad.txt:2", "rimmed triangel")

	// The embedded configuration finds its files under the data root.
	t.Chdir(dir)
	fails(t, ui.ExitUsage, with([]string{"train", "--fold", "9", "--config", "custom_resnet50", "--data-root", "set"}), "fold 9", "it has 4")
	write(t, "classes.txt", []byte("a\nb\nc\nd\n"))
	fails(t, ui.ExitUsage, []string{"train", "--fold", "9", "--config", "custom_resnet50", "--data-root", "set"}, "classes.txt is both here and under the data root", filepath.Join("set", "classes.txt"))
	fails(t, ui.ExitUsage, []string{"train", "--fold", "9", "--config", "custom_resnet50", "--data-root", "set", "--set", "dataset.classes=./classes.txt",
		"--set", "dataset.folds=2"}, "fold 9", "it has 2")
}

func TestDataSynthRefuses(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "file"), nil)
	for _, c := range []struct {
		code int
		args []string
		want []string
	}{
		{ui.ExitUsage, nil, []string{"--out"}},
		{ui.ExitUsage, []string{"--out", "x", "--fold", "4"}, []string{"fold 4"}},
		{ui.ExitUsage, []string{"--out", "x", "--size", "20"}, []string{"dataset.synth_size", "64"}},
		{ui.ExitUsage, []string{"--out", "x", "--train", "0"}, []string{"dataset.synth_train"}},
		{ui.ExitUsage, []string{"--out", "x", "--workers", "-1"}, []string{"--workers"}},
		{ui.ExitUsage, []string{"--out", "x", "--set", "dataset.name=custom"}, []string{"dataset.name", "shapes5i"}},
		{ui.ExitError, []string{"--out", file, "--train", "1", "--val", "1"}, []string{file}},
	} {
		fails(t, c.code, append([]string{"data", "synth"}, c.args...), c.want...)
	}
}
