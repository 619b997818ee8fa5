//go:build unix

package infile

import (
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
