package main

import (
	"hdmnet/internal/cli/ui"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDataPrepareLabelMe(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		photo(t, filepath.Join(dir, name+".jpg"), 20, 10)
		write(t, filepath.Join(dir, name+".json"), []byte(`{"shapes": [
			{"label": "mug", "points": [[1, 1], [9, 9]], "shape_type": "rectangle"},
			{"label": "pen", "points": [[12, 2], [18, 2], [15, 9]], "shape_type": "polygon"}],
			"imagePath": "`+name+`.jpg", "imageHeight": 10, "imageWidth": 20}`))
	}
	out := filepath.Join(t.TempDir(), "set")
	text, errs, code := hdmnet(t, "data", "prepare", "labelme", "--images", dir, "--out", out)
	if code != ui.ExitOK || !strings.Contains(text, "masks: 3 written") || !strings.Contains(text, "2      pen   3") {
		t.Fatalf("exit code %d: %s%s", code, text, errs)
	}
	// It is a custom set that verifies as it stands.
	text, errs, code = hdmnet(t, "data", "verify", "--config", "custom_resnet50", "--data-root", out, "--val-list", "list.txt", "--train-list", "list.txt",
		"--set", "dataset.classes=classes.txt", "--set", "dataset.folds=2", "--set", "dataset.min_area=20")
	if code != ui.ExitOK || !strings.Contains(text, "list.txt") {
		t.Errorf("verify: exit code %d: %s%s", code, text, errs)
	}
	if _, err := os.Stat(filepath.Join(out, "masks", "b.png")); err != nil {
		t.Error(err)
	}
	fails(t, ui.ExitUsage, []string{"data", "prepare", "labelme", "--out", out}, "--images")
	fails(t, ui.ExitUsage, []string{"data", "prepare", "labelme", "--images", dir}, "--out")
	fails(t, ui.ExitError, []string{"data", "prepare", "labelme", "--images", out, "--out", t.TempDir()}, "move other .json files")
	write(t, filepath.Join(dir, "a.json"), []byte("{}"))
	fails(t, ui.ExitError, []string{"data", "prepare", "labelme", "--images", dir, "--out", out, "--strict"}, "a.json")
	text, errs, code = hdmnet(t, "data", "prepare", "labelme", "--images", dir, "--out", out)
	if code != ui.ExitOK || !strings.Contains(text, "1  files that are no annotation of LabelMe: left out") || !strings.Contains(errs, "a.json") {
		t.Errorf("one bad file: exit code %d: %s%s", code, text, errs)
	}
}
