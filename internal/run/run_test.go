package run

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCreateAndResume(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "run")
	d, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(path); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a locked directory was given out again: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	// Killed before it wrote anything: both ways go on.
	for _, open := range []func(string) (*Dir, error){Create, Resume} {
		d, err := open(path)
		if err != nil {
			t.Fatal(err)
		}
		d.Close()
	}
	write(t, d.Config(), "fold: 0\n")
	if _, err := Create(path); !errors.Is(err, errExists) || !strings.Contains(err.Error(), "--resume") {
		t.Errorf("Create over a run: %v", err)
	}
	partial := filepath.Join(d.Checkpoints(), ".last.safetensors.partial-00000001")
	write(t, partial, "half")
	d, err = Resume(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := os.Stat(partial); !os.IsNotExist(err) {
		t.Errorf("an unfinished file is still there: %v", err)
	}
}

// Files of a run's names that a person keeps in a folder are not replaced, and the folder
// stays as it was.
func TestForeignFilesAreKept(t *testing.T) {
	for _, name := range []string{"config.yaml", "metrics.jsonl", "log", "curves.png", "base.safetensors", "best.safetensors", "checkpoints/next.safetensors"} {
		path := t.TempDir()
		d := &Dir{path: path}
		if strings.HasPrefix(name, "checkpoints/") {
			if err := os.Mkdir(d.Checkpoints(), 0o777); err != nil {
				t.Fatal(err)
			}
		}
		write(t, filepath.Join(path, name), "precious")
		before, err := os.ReadDir(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, open := range []func(string) (*Dir, error){Create, Resume} {
			if _, err := open(path); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "choose another --out") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if after, err := os.ReadDir(path); err != nil || len(after) != len(before) {
			t.Errorf("%s: %d files and folders, were %d", name, len(after), len(before))
		}
	}
}

func TestUnwritable(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "file")
	write(t, file, "")
	if _, err := Create(filepath.Join(file, "run")); err == nil || !strings.Contains(err.Error(), "is a file") || !strings.Contains(err.Error(), file) {
		t.Errorf("under a file: %v", err)
	}
	if os.Geteuid() == 0 {
		t.Skip("permissions do not bind the superuser")
	}
	closed := filepath.Join(root, "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(filepath.Join(closed, "run")); err == nil || !strings.Contains(err.Error(), "cannot be written") || !strings.Contains(err.Error(), closed) {
		t.Errorf("read-only: %v", err)
	}
}

func TestOpenAndNewest(t *testing.T) {
	root := t.TempDir()
	if _, err := Newest(filepath.Join(root, "none")); err == nil || !strings.Contains(err.Error(), "no run under") {
		t.Errorf("no directory: %v", err)
	}
	if _, err := Newest(root); err == nil {
		t.Error("an empty root has a newest run")
	}
	if _, err := Open(root); err == nil || !strings.Contains(err.Error(), "config.yaml") {
		t.Errorf("Open of no run: %v", err)
	}
	base := time.Now().Add(-time.Hour)
	for i, name := range []string{"a", "b", "c"} {
		d := &Dir{path: filepath.Join(root, name)}
		if err := os.MkdirAll(d.path, 0o777); err != nil {
			t.Fatal(err)
		}
		write(t, d.Config(), "")
		at := base.Add(time.Duration(i) * time.Minute)
		if err := os.Chtimes(d.Config(), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "not-a-run"), 0o777); err != nil {
		t.Fatal(err)
	}
	if got, err := Newest(root); err != nil || filepath.Base(got) != "c" {
		t.Errorf("Newest = %q, %v", got, err)
	}
	a, err := Open(filepath.Join(root, "a"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, a.Metrics(), "") // worked on again
	if got, err := Newest(root); err != nil || filepath.Base(got) != "a" {
		t.Errorf("Newest = %q, %v", got, err)
	}
}

func TestName(t *testing.T) {
	at := time.Date(2024, 3, 4, 15, 6, 7, 0, time.UTC)
	if got := Name("configs/mine.yaml", "2", at); got != "mine_fold2_20240304-150607" {
		t.Error(got)
	}
	if got := Name("shapes5i", "0", at); got != "shapes5i_fold0_20240304-150607" {
		t.Error(got)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
