package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// target is what a path leads to.
type target struct {
	path   string      // of the file, links followed
	there  bool        // something is there
	mode   fs.FileMode // permissions of what is there
	stream *os.File    // not nil: written as it comes
	owned  bool        // stream is to be closed
}

// maxLinks is the number of links that the system follows, too.
const maxLinks = 40

// find follows the links of path, also to a file that is not there yet, and opens what
// can only be written as it comes.
func find(path string) (t target, err error) {
	if base := filepath.Base(path); base == "." || base == ".." || os.IsPathSeparator(path[len(path)-1]) {
		return t, fmt.Errorf("write %q: this names a directory; give a file name", path)
	}
	t.path = path
	info, err := os.Stat(path)
	switch {
	case err == nil:
		t.there, t.mode = true, info.Mode().Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return t, createError(path, err)
	default:
		return t, t.follow()
	}
	if info.IsDir() {
		return t, fmt.Errorf("write %s: this is a directory; give a file name", path)
	}
	for _, std := range []*os.File{os.Stdout, os.Stderr} {
		if other, err := std.Stat(); err == nil && os.SameFile(info, other) {
			t.stream = std // a second descriptor would write over what went to the first
			return t, nil
		}
	}
	if !info.Mode().IsRegular() {
		return t, t.open(info)
	}
	return t, t.follow()
}

// follow replaces the path by what its links lead to.
func (t *target) follow() error {
	for range maxLinks {
		to, err := os.Readlink(t.path)
		if err != nil { // no link
			return nil
		}
		if !filepath.IsAbs(to) {
			dir, _ := filepath.Split(t.path) // not cleaned: dir may be a link, which ".." in to starts from
			to = dir + to
		}
		t.path = to
	}
	return fmt.Errorf("write %s: more than %d links follow each other; give the file itself", t.path, maxLinks)
}

// open opens a device or pipe.
func (t *target) open(info fs.FileInfo) error {
	f, err := os.OpenFile(t.path, os.O_WRONLY|syscall.O_NONBLOCK, 0) // else a pipe without a reader is waited for
	switch {
	case errors.Is(err, syscall.ENXIO) && info.Mode()&fs.ModeNamedPipe != 0:
		return fmt.Errorf("write %s: this is a pipe (FIFO) that nobody reads; start its reader first, or name a file", t.path)
	case info.Mode()&fs.ModeSocket != 0:
		return fmt.Errorf("write %s: this is a socket; name a file", t.path)
	case err != nil:
		return createError(t.path, err)
	}
	t.stream, t.owned = f, true
	return nil
}

func (t *target) close() {
	if t.owned {
		_ = t.stream.Close()
	}
}
