package main

import (
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/model"
)

// TestOwnClasses: a network trained on another data set is scored on a set of one's own,
// whatever its number of base classes is, by a class file alone.
func TestOwnClasses(t *testing.T) {
	root := t.TempDir()
	pairs(t, root, "list.txt", 6, 2)
	write(t, filepath.Join(root, "classes.txt"), []byte("cup\nspoon\n"))
	quick := []string{"--data-root", root, "--episodes", "4", "--seeds", "1", "--set", "model.size=33", "--set", "dataset.min_area=20", "--set", "device=cpu"}
	pascal := untrainedWeights(t, tiny(1), map[string]string{"dataset": "pascal5i", "fold": "3", "base_classes": "aeroplane,spoon"})
	coco := untrainedWeights(t, model.Options{Backbone: "tiny", BaseClasses: 61, Shots: 1}, nil)

	score := func(args ...string) (map[string]any, string) {
		t.Helper()
		out, errs, code := hdmnet(t, with([]string{"eval", "--json"}, quick, args)...)
		if code != ui.ExitOK {
			t.Fatalf("%v: code %d, %s", args, code, errs)
		}
		return decode(t, out), errs
	}
	for _, weights := range []string{pascal, coco} {
		r, errs := score("--weights", weights, "--config", "shapes5i", "--classes", "classes.txt")
		per := r["per_class"].(map[string]any)
		if _, base := r["miou_base"]; base || r["fold"] != "all classes" || r["dataset"] != "custom" || len(per) != 2 || per["cup"] == nil || per["spoon"] == nil {
			t.Errorf("%v", r)
		}
		if known := strings.Contains(errs, "trained on classes of these names, whose scores are not of few shots: spoon"); known != (weights == pascal) {
			t.Errorf("warnings %s", errs)
		}
		// The same by a configuration of custom sets, and one fold of the set alone.
		custom := []string{"--weights", weights, "--config", "custom_resnet50", "--set", "model.backbone=tiny", "--list", "list.txt"}
		again, _ := score(custom...)
		if again["miou"] != r["miou"] || again["fold"] != r["fold"] {
			t.Errorf("%v, by --classes %v", again, r)
		}
		one, _ := score(append(custom, "--fold", "0", "--set", "dataset.folds=2")...)
		if per := one["per_class"].(map[string]any); len(per) != 1 || per["cup"] == nil || one["fold"] != 0.0 {
			t.Errorf("fold 0: %v", one)
		}
	}

	// A set of one class; episodes written and read.
	pairs(t, root, "cups.txt", 3, 1)
	write(t, filepath.Join(root, "cup.txt"), []byte("cup\n"))
	file := filepath.Join(root, "episodes.jsonl")
	cup := []string{"--weights", pascal, "--config", "shapes5i", "--classes", "cup.txt", "--list", "cups.txt"}
	wrote, _ := score(append(cup, "--save-episodes", file)...)
	read, errs, code := hdmnet(t, with([]string{"eval", "--json", "--episodes-file", file, "--data-root", root, "--set", "model.size=33", "--set", "dataset.min_area=20"}, cup)...)
	if code != ui.ExitOK || decode(t, read)["miou"] != wrote["miou"] {
		t.Errorf("code %d, %s %s; wrote %v", code, read, errs, wrote)
	}
	if out, errs, code := hdmnet(t, with([]string{"eval"}, quick, cup)...); code != 0 || !strings.Contains(out, "custom, tiny, all classes, 1-shot") || strings.Contains(out, "base classes") {
		t.Errorf("code %d: %s%s", code, out, errs)
	}

	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--gfss"}, "no base classes to score"}, {[]string{"--stage", "base"}, "no base classes to score"},
	} {
		args := []string{"eval", "--weights", pascal, "--config", "shapes5i", "--data-root", root, "--classes", "classes.txt"}
		fails(t, ui.ExitUsage, append(args, c.args...), c.want)
	}
	fails(t, ui.ExitUsage, []string{"eval", "--weights", coco, "--config", "shapes5i", "--fold", "0"}, "61 classes with background", "fold 0 of shapes5i has 16", "--classes")
}

// TestPredictNeedsNoClasses: the network tells its base classes; neither fold nor class
// file is asked for.
func TestPredictNeedsNoClasses(t *testing.T) {
	dir := t.TempDir()
	weights := untrainedWeights(t, model.Options{Backbone: "tiny", BaseClasses: 8, Shots: 1}, map[string]string{"dataset": "custom", "fold": "2"})
	picture, mask := photo(t, filepath.Join(dir, "p.jpg"), 40, 30), classMask(t, filepath.Join(dir, "m.png"), 40, 30, 1)
	out, errs, code := hdmnet(t, "predict", "--weights", weights, "--config", "custom_resnet50", "--set", "model.backbone=tiny", "--set", "model.size=33",
		"--support", picture+":"+mask, "--query", picture, "--out", filepath.Join(dir, "out"))
	if code != ui.ExitOK || !strings.Contains(out, "p_mask.png") {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
}
