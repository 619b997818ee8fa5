package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOldRun: the config.yaml of a run made before keys were renamed is understood, with
// one warning that names them all; written anew it has the new names.
func TestOldRun(t *testing.T) {
	var warnings []string
	warn := func(s string) { warnings = append(warnings, s) }
	c := load(t, Options{Config: "testdata/old_config.yaml", Warn: warn})
	if c.Train.Base.LRMult.Head != 3 || c.Train.Base.LRMult.Backbone != 0.5 || c.Train.Meta.LRMult.Head != 4 ||
		c.Eval.EmulatedDataLoaderWorkers != 6 || c.Dataset.FoldScheme != "panet" {
		t.Errorf("%+v", c)
	}
	want := "testdata/old_config.yaml: dataset.split (line 9) is now dataset.fold_scheme, " +
		"train.base.head_lr_multiplier (line 42) is now train.base.lr_mult.head, train.base.encoder_lr_multiplier (line 43) is now train.base.lr_mult.backbone, " +
		"train.meta.head_lr_multiplier (line 58) is now train.meta.lr_mult.head, eval.draw_workers (line 77) is now eval.emulated_dataloader_workers; the old names are still read"
	if len(warnings) != 1 || warnings[0] != want {
		t.Errorf("warnings %q\nwant %q", warnings, want)
	}
	warnings = nil
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := c.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if back := load(t, Options{Config: path, Warn: warn}); len(warnings) > 0 || back.Train != c.Train || back.Dataset != c.Dataset {
		t.Errorf("written and read back with the warnings %q: %+v", warnings, back)
	}
}

// TestRenamedElsewhere: variables, --set and flags of an earlier version still count.
func TestRenamedElsewhere(t *testing.T) {
	var warnings []string
	c := load(t, Options{
		Config: file(t, "train: {meta: {lr_mult: {head: 2}}}\n"), // another name in a lower place is no conflict
		Env:    []string{"HDMNET_TRAIN_META_HEAD_LR_MULTIPLIER=7", "HDMNET_DATASET_SPLIT=panet", "HDMNET_EVAL_DRAW_WORKERS="},
		Set:    []string{"eval.draw_workers=3"}, Overrides: map[string]any{"train.base.encoder_lr_multiplier": 0.5},
		Warn: func(s string) { warnings = append(warnings, s) },
	})
	if c.Train.Meta.LRMult.Head != 7 || c.Dataset.FoldScheme != "panet" || c.Eval.EmulatedDataLoaderWorkers != 3 || c.Train.Base.LRMult.Backbone != 0.5 {
		t.Errorf("%+v", c)
	}
	all := strings.Join(warnings, "\n")
	for _, want := range []string{
		"environment variable HDMNET_TRAIN_META_HEAD_LR_MULTIPLIER: train.meta.head_lr_multiplier is now train.meta.lr_mult.head; the old",
		"environment variable HDMNET_DATASET_SPLIT: dataset.split is now dataset.fold_scheme;",
		"--set eval.draw_workers=3: eval.draw_workers is now eval.emulated_dataloader_workers;",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning %q in\n%s", want, all)
		}
	}
	if len(warnings) != 4 {
		t.Errorf("%d warnings:\n%s", len(warnings), all)
	}
}

func TestOldAndNewNameAtOnce(t *testing.T) {
	for _, c := range []struct {
		opt  Options
		want string
	}{
		{Options{Config: file(t, "train:\n  base:\n    head_lr_multiplier: 2\n    lr_mult: {head: 2}\n")},
			"my.yaml:4: train.base.lr_mult.head and, in line 3, train.base.head_lr_multiplier are names of one key"},
		{Options{Config: file(t, "dataset:\n  fold_scheme: fwb\n  split: fwb\n")}, "my.yaml:3: dataset.split and, in line 2, dataset.fold_scheme"},
		{Options{Set: []string{"eval.draw_workers=1", "eval.emulated_dataloader_workers=1"}}, "eval.draw_workers and eval.emulated_dataloader_workers are the old and the new name"},
		{Options{Env: []string{"HDMNET_DATASET_SPLIT=fwb", "HDMNET_DATASET_FOLD_SCHEME=fwb"}}, "dataset.fold_scheme and dataset.split are the old and the new name"},
		{Options{Set: []string{"dataset.split=fwb"}, Overrides: map[string]any{"dataset.fold_scheme": "fwb"}}, "given by a flag and by --set"},
	} {
		_, err := Load(c.opt)
		var all *Error
		if !errors.As(err, &all) || len(all.Problems) != 1 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

// TestRenamedKeysExist: every old name is free, and its new one a key.
func TestRenamedKeysExist(t *testing.T) {
	for old, now := range renamed {
		if fieldOf[now] == nil || fieldOf[old] != nil || isSection(old) {
			t.Errorf("%s → %s", old, now)
		}
	}
}

// TestExtends: a file goes over what it names, an embedded configuration or a file beside
// it, and over the defaults where it names nothing.
func TestExtends(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("lab.yaml", "extends: coco20i_vgg16\ntrain: {workers: 5, seed: 1}\n")
	c := load(t, Options{Config: write("mine.yaml", "model: {shots: 5}\ntrain: {seed: 010}\nextends: lab.yaml\n"), Set: []string{"train.prefetch=7"}})
	if c.Model.Shots != 5 || c.Train.Seed != 10 || c.Train.Workers != 5 || c.Model.Backbone != "vgg16" || c.Dataset.Name != "coco20i" || c.Train.Prefetch != 7 || c.Train.Meta.Epochs != 50 {
		t.Errorf("%+v", c)
	}
	for _, w := range []struct{ text, want string }{
		{"extends: shape5i\n", "did you mean shapes5i?"},
		{"\nextends: [shapes5i]\n", "x.yaml:2: extends: expected the name of an embedded configuration"},
		{"extends: 2012\n", "x.yaml:1: extends: expected the name"},
		{"extends: x.yaml\n", "extends itself"},
		{"extends: shapes5i\nextends: shapes5i\n", "x.yaml:2: extends is given twice, first in line 1"},
		{"train:\n  extends: shapes5i\n", "unknown key train.extends"},
		{"extends: broken.yaml\n", "broken.yaml:2: model.shots: expected a whole number"},
	} {
		write("broken.yaml", "model:\n  shots: many\n")
		path := write("x.yaml", w.text)
		if _, err := Load(Options{Config: path}); err == nil || !strings.Contains(err.Error(), w.want) {
			t.Errorf("%q\ngot  %v\nwant %s", w.text, err, w.want)
		}
	}
	write("a.yaml", "extends: b.yaml\n")
	if _, err := Load(Options{Config: write("b.yaml", "extends: a.yaml\n")}); err == nil || !strings.Contains(err.Error(), "extends itself: ") {
		t.Errorf("two that extend each other: %v", err)
	}
}
