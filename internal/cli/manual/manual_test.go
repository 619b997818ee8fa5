package manual

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWrite: every command has a page, shells their completions, and the same date gives the
// same files.
func TestWrite(t *testing.T) {
	date := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	read := func() map[string]string {
		dir, all := t.TempDir(), map[string]string{}
		if err := Write(dir, date); err != nil {
			t.Fatal(err)
		}
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			all[strings.TrimPrefix(path, dir+string(filepath.Separator))] = string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	a, b := read(), read()
	for name, want := range map[string]string{
		"man/hdmnet.1": "few-shot segmentation", "man/hdmnet-train.1": "tensorboard", "man/hdmnet-export-onnx.1": "ONNX", "man/hdmnet-data-prepare-coco.1": "Nov 2026",
		"completions/hdmnet.bash": "__complete", "completions/_hdmnet": "#compdef hdmnet", "completions/hdmnet.fish": "complete -c hdmnet", "completions/hdmnet.ps1": "Register-ArgumentCompleter",
	} {
		if !strings.Contains(a[filepath.FromSlash(name)], want) {
			t.Errorf("%s has no %q", name, want)
		}
	}
	for name, text := range a {
		if b[name] != text {
			t.Errorf("%s is not the same the second time", name)
		}
	}
}
