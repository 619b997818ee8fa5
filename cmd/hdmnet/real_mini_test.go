package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealPictures goes the whole way with photographs and the objects in them: prepare,
// verify, stats, train, eval, predict. Their source is in testdata/real-mini/README.md.
func TestRealPictures(t *testing.T) {
	if testing.Short() {
		t.Skip("goes the whole way from annotations to masks; scripts/smoke.sh predicts on these pictures")
	}
	real := filepath.Join("..", "..", "testdata", "real-mini")
	dir := t.TempDir()
	mine, run := filepath.Join(dir, "mine"), filepath.Join(dir, "run")
	out := runs(t, "data", "prepare", "coco", "--instances", filepath.Join(real, "instances.json"), "--images", filepath.Join(real, "images"),
		"--mask-mode", "all-polygons", "--out", mine)
	if !strings.Contains(out, "masks: 8 written") || !strings.Contains(out, "drawn     24") {
		t.Error(out)
	}
	masks, err := filepath.Glob(filepath.Join(real, "masks", "*.png"))
	if err != nil || len(masks) != 8 {
		t.Fatal(masks, err)
	}
	for _, mask := range masks {
		if !bytes.Equal(read(t, mask), read(t, filepath.Join(mine, "masks", filepath.Base(mask)))) {
			t.Errorf("%s is not what prepare makes now", mask)
		}
	}
	set := []string{"--config", "custom_resnet50", "--data-root", mine, "--set", "dataset.folds=2"}
	if out := runs(t, with([]string{"data", "verify", "--list", "list.txt"}, set)...); !strings.Contains(out, "8") {
		t.Error(out)
	}
	sheet := filepath.Join(dir, "fold0.png")
	if out := runs(t, with([]string{"data", "stats", "--fold", "0", "--list", "list.txt", "--out", sheet}, set)...); !strings.Contains(out, "person") {
		t.Error(out)
	}
	if info, err := os.Stat(sheet); err != nil || info.Size() == 0 {
		t.Error(err)
	}
	runs(t, with([]string{"train", "--fold", "0", "--list", "list.txt", "--out", run, "--device", "cpu", "--set", "model.backbone=tiny", "--set", "model.size=65",
		"--set", "train.base.size=65", "--set", "train.base.batch=2", "--set", "train.meta.batch=2", "--set", "train.base.max_steps=2", "--set", "train.meta.max_steps=2",
		"--set", "train.meta.validate_episodes=4"}, set)...)
	score := decode(t, runs(t, "eval", "--run", run, "--episodes", "4", "--seeds", "1", "--json"))
	if per := score["per_class"].(map[string]any); len(per) != 1 || per["person"] == nil || score["miou_base"] == nil {
		t.Errorf("%v", score)
	}
	// The same network on all classes as if they were new.
	own := decode(t, runs(t, "eval", "--run", run, "--data-root", mine, "--classes", "classes.txt", "--episodes", "4", "--seeds", "1", "--json"))
	if per := own["per_class"].(map[string]any); len(per) != 2 || own["fold"] != "all classes" || own["miou_base"] != nil {
		t.Errorf("%v", own)
	}
	query := filepath.Join(real, "images", "000000006818.jpg")
	support := filepath.Join(real, "images", "000000542145.jpg") + ":" + filepath.Join(mine, "masks", "000000542145.png")
	runs(t, "predict", "--run", run, "--support", support, "--query", query, "--out", filepath.Join(dir, "out"))
	if info, err := os.Stat(filepath.Join(dir, "out", "000000006818_mask.png")); err != nil || info.Size() == 0 {
		t.Error(err)
	}
}
