package main

import (
	"os"
	"path/filepath"
	"testing"

	"hdmnet/internal/cli/ui"
)

// TestForeignFilesAreKept: whatever has the name of a result and is none stays, to the
// byte, and the message says the way out.
func TestForeignFilesAreKept(t *testing.T) {
	dir := t.TempDir()
	w := untrainedWeights(t, tiny(1), map[string]string{"fold": "0"})
	support := photo(t, filepath.Join(dir, "s.jpg"), 50, 40) + ":" + classMask(t, filepath.Join(dir, "s.png"), 50, 40, 1)
	query := photo(t, filepath.Join(dir, "photo.jpg"), 61, 47)
	for _, c := range []struct {
		file string // in dir
		code int
		want string
		args []string
	}{
		{"photo_mask.png", ui.ExitUsage, "--force", with([]string{"predict", "--weights", w, "--query", query, "--support", support, "--out", dir}, small)},
		{"support_s_overlay.png", ui.ExitUsage, "--force", with([]string{"predict", "--weights", w, "--query", query, "--support", support, "--out", dir}, small)},
		{"photo_logits.npy", ui.ExitUsage, "--force", with([]string{"predict", "--weights", w, "--query", query, "--support", support, "--out", dir, "--save-logits"}, small)},
		{"train/best.safetensors", ui.ExitError, "another --out", []string{"train", "--fold", "0", "--out", filepath.Join(dir, "train")}},
		{"train/metrics.jsonl", ui.ExitError, "another --out", []string{"train", "--fold", "0", "--out", filepath.Join(dir, "train")}},
		{"train/log", ui.ExitError, "another --out", []string{"train", "--fold", "0", "--out", filepath.Join(dir, "train"), "--resume"}},
		{"e.jsonl", ui.ExitUsage, "--force", with([]string{"eval", "--weights", w, "--save-episodes", filepath.Join(dir, "e.jsonl")}, small)},
		{"e.png", ui.ExitUsage, "--force", []string{"data", "stats", "--fold", "0", "--out", filepath.Join(dir, "e.png")}},
		{"o.pth", ui.ExitUsage, "--force", []string{"weights", "convert", w, filepath.Join(dir, "o.pth")}},
		{"synth/config.yaml", ui.ExitUsage, "--force", []string{"data", "synth", "--train", "20", "--val", "20", "--out", filepath.Join(dir, "synth")}},
	} {
		path := filepath.Join(dir, c.file)
		write(t, path, []byte("precious"))
		before, err := os.ReadDir(filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		fails(t, c.code, c.args, filepath.Base(path), c.want)
		if got := string(read(t, path)); got != "precious" {
			t.Errorf("%s holds %q", c.file, got)
		}
		if after, err := os.ReadDir(filepath.Dir(path)); err != nil || len(after) != len(before) {
			t.Errorf("%s: beside it are %d files now, were %d", c.file, len(after), len(before))
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}
