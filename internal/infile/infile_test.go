package infile

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
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

// Everything that is not a regular file of bounded size ends at once in a message.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	pipe, socket, sparse := filepath.Join(dir, "pipe"), filepath.Join(dir, "s"), filepath.Join(dir, "sparse")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Skip("no pipes here:", err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Skip("no sockets here:", err)
	}
	defer l.Close()
	if err := os.WriteFile(sparse, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(sparse, 20<<30); err != nil {
		t.Skip("no sparse files here:", err)
	}
	for path, want := range map[string]string{
		pipe:                   "is a pipe (FIFO), not a regular file",
		socket:                 "is a socket",
		sparse:                 "21474836480 bytes, expected at most 1048576 (1 MiB)",
		dir:                    "is a folder",
		"/dev/zero":            "is a device",
		dir + "/none\x1b[2J":   `/none\x1b[2J": no such file`,
		"/proc/self/mountinfo": "",
	} {
		start := time.Now()
		got, err := ReadFile(path, 1<<20)
		if want == "" { // tells no size, and is read all the same
			if err != nil || len(got) == 0 {
				t.Errorf("%s: %d bytes, %v", path, len(got), err)
			}
			if _, err := ReadFile(path, 10); err == nil || !strings.Contains(err.Error(), "at most 10 (10 B)") {
				t.Errorf("%s with a limit of 10: %v", path, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		if d := time.Since(start); d > time.Second {
			t.Errorf("%s: took %v", path, d)
		}
	}
	if _, err := Open(filepath.Join(dir, "none"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent file: %v, want fs.ErrNotExist", err)
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
