package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
)

// TestDataPrepareAuto: what is in a folder, the command for it, and that command run; the
// set that it makes is scored by a network without base classes in it.
func TestDataPrepareAuto(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		photo(t, filepath.Join(root, "export", "images", name+".jpg"), 40, 32)
		write(t, filepath.Join(root, "export", "labels", name+".txt"), []byte("0 0.1 0.1 0.6 0.1 0.6 0.7 0.1 0.7\n"))
	}
	write(t, filepath.Join(root, "export", "data.yaml"), []byte("train: images\nnames: [cup]\n"))
	out := filepath.Join(root, "mine")
	text := runs(t, "data", "prepare", "auto", "--root", root)
	if !strings.Contains(text, "hdmnet data prepare yolo --file "+filepath.Join(root, "export", "data.yaml")) {
		t.Error(text)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("without --run the folder is made")
	}
	if text := runs(t, "data", "prepare", "auto", "--root", root, "--out", out, "--run"); !strings.Contains(text, "train.txt, 3 pairs") || !strings.Contains(text, "drawn     3\n") {
		t.Error(text)
	}
	network := untrainedWeights(t, tiny(1), map[string]string{"dataset": "pascal5i", "fold": "0"})
	score := runs(t, "eval", "--weights", network, "--config", "shapes5i", "--data-root", out, "--classes", "classes.txt", "--list", "train.txt",
		"--episodes", "3", "--seeds", "1", "--set", "model.size=33", "--set", "dataset.min_area=20")
	if !strings.Contains(score, "all classes") || !strings.Contains(score, "cup") {
		t.Error(score)
	}
	write(t, filepath.Join(root, "via.json"), []byte(`{"a": {"filename": "a.jpg", "regions": []}}`))
	fails(t, ui.ExitUsage, []string{"data", "prepare", "yolo", "--out", out}, "--file FILE")
	fails(t, ui.ExitUsage, []string{"data", "prepare", "via", "--file", "x"}, "--out DIR")
	fails(t, ui.ExitError, []string{"data", "prepare", "cvat", "--file", filepath.Join(root, "via.json"), "--out", out + "2"}, "CVAT for images 1.1")
	fails(t, ui.ExitError, []string{"data", "prepare", "auto", "--root", filepath.Join(root, "export", "labels")}, "no annotated data")
	fails(t, ui.ExitUsage, []string{"data", "prepare", "auto"}, "--root DIR")
}
