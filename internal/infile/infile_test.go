package infile

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	content := bytes.Repeat([]byte("0123456789"), 5000)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(path, int64(len(content)))
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("%d bytes, %v; want %d", len(got), err, len(content))
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	memory := make([]byte, 7, 100_000)
	got, err = ReadInto(memory, link, 1<<20)
	if err != nil || !bytes.Equal(got, content) || &got[0] != &memory[0] {
		t.Fatalf("through a link, into memory: %d bytes, %v", len(got), err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFile(path, 10); err != nil || len(got) != 0 {
		t.Fatalf("empty file: %q, %v", got, err)
	}
}

func TestShown(t *testing.T) {
	for path, want := range map[string]string{
		"a b/ü.png": "a b/ü.png", "a\x1b[2J": `"a\x1b[2J"`, "a\nb": `"a\nb"`, "a\u202eb": `"a\u202eb"`, "a\xffb": `"a\xffb"`,
	} {
		if got := Shown(path); got != want {
			t.Errorf("%q is shown as %s, want %s", path, got, want)
		}
	}
}
