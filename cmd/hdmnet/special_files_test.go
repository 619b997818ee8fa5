package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSpecialFilesAreNoInput: a pipe that nobody writes, a device and a file that claims
// 20 GiB end in a message within a second, whatever they are given as.
func TestSpecialFilesAreNoInput(t *testing.T) {
	dir := t.TempDir()
	w := untrainedWeights(t, tiny(1), map[string]string{"fold": "0"})
	image := photo(t, filepath.Join(dir, "s.jpg"), 50, 40)
	mask := classMask(t, filepath.Join(dir, "s.png"), 50, 40, 1)
	pipe, sparse := filepath.Join(dir, "pipe"), filepath.Join(dir, "sparse")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Skip("no pipes here:", err)
	}
	write(t, sparse, []byte("\x89PNG\r\n\x1a\n"))
	if err := os.Truncate(sparse, 20<<30); err != nil {
		t.Skip("no sparse files here:", err)
	}
	write(t, filepath.Join(dir, "classes.txt"), []byte("a\nb\nc\nd\n"))
	out := filepath.Join(dir, "out")
	predict := []string{"predict", "--weights", w, "--out", out, "--set", "model.size=33", "--device", "cpu"}
	for path, kind := range map[string]string{pipe: "pipe", sparse: "bytes", "/dev/zero": "device"} {
		list := write(t, filepath.Join(dir, "list.txt"), []byte(path+" "+path+"\n"))
		annotations := filepath.Join(dir, "annotations")
		if err := os.MkdirAll(annotations, 0o777); err != nil {
			t.Fatal(err)
		}
		os.Remove(filepath.Join(annotations, "a.json"))
		if err := os.Symlink(path, filepath.Join(annotations, "a.json")); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{
			with(predict, []string{"--query", path, "--support", image + ":" + mask}),
			with(predict, []string{"--query", image, "--support", image + ":" + path}),
			with(predict, []string{"--query", image, "--support", path + ":" + mask}),
			with([]string{"eval", "--weights", w, "--episodes-file", path}, small),
			with([]string{"eval", "--episodes", "1", "--weights", path, "--fold", "0"}, small),
			{"weights", "inspect", path},
			{"weights", "diff", w, path},
			{"weights", "convert", path, filepath.Join(dir, "o.pth")},
			{"config", "show", path},
			{"train", "--fold", "0", "--out", out, "--config", path},
			{"train", "--fold", "0", "--out", out, "--set", "backbone.weights=" + path, "--device", "cpu"},
			{"data", "verify", "--config", "custom_resnet50", "--data-root", dir, "--list", list},
			{"data", "verify", "--config", "custom_resnet50", "--data-root", dir, "--list", path},
			{"data", "verify", "--config", "custom_resnet50", "--data-root", dir, "--list", list, "--set", "dataset.classes=" + path},
			{"data", "prepare", "labelme", "--images", annotations, "--out", filepath.Join(dir, "labelme")},
			{"data", "prepare", "coco", "--mask-mode", "all-polygons", "--images", dir, "--instances", path, "--out", filepath.Join(dir, "coco")},
		} {
			start := time.Now()
			text, errs, code := hdmnet(t, args...)
			if all := text + errs; code == 0 || !strings.Contains(all, kind) || strings.Contains(all, "goroutine ") {
				t.Errorf("%v: code %d: %s", args, code, all)
			}
			if d := time.Since(start); d > 3*time.Second { // one, on a machine with nothing else to do
				t.Errorf("%v took %v", args, d)
			}
			os.RemoveAll(out)
		}
	}
}
