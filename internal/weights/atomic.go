package weights

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// tempMark separates the final name from the random part of a temporary name.
const tempMark = ".partial-"

// WriteFileAtomic makes path appear complete or not at all.
//
// write fills a temporary file in path's directory; it is then flushed, synced to
// the disk and renamed over path, and the directory is synced too. When write or
// any step fails, path keeps its old content (or stays absent) and the temporary
// file is removed. Errors name path and, for a full disk or a place that cannot be
// written, the remedy; errors.Is sees the cause.
//
// A process killed in the middle leaves its temporary file behind; RemovePartial
// clears those.
func WriteFileAtomic(path string, write func(io.Writer) error) (err error) {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	if base == "" || base == "." || base == ".." {
		return fmt.Errorf("write %q: this names a directory; give a file name", path)
	}
	tmp, err := createTemp(dir, base)
	if err != nil {
		return writeError(path, err)
	}
	done := false
	defer func() {
		if !done {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	buf := bufio.NewWriterSize(tmp, 1<<16)
	if err := write(buf); err != nil {
		return writeError(path, err)
	}
	if err := buf.Flush(); err != nil {
		return writeError(path, err)
	}
	if err := tmp.Sync(); err != nil {
		return writeError(path, err)
	}
	if err := tmp.Close(); err != nil {
		return writeError(path, err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return writeError(path, err)
	}
	done = true
	if err := syncDir(dir); err != nil {
		return writeError(path, err)
	}
	return nil
}

// RemovePartial removes the temporary files that killed WriteFileAtomic calls left
// in dir. Call it only when no other process writes there, for example when a run
// directory is opened to resume. A missing dir is no error.
func RemovePartial(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for unfinished files in %s: %w", dir, err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasPrefix(e.Name(), ".") && strings.Contains(e.Name(), tempMark) {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("remove the unfinished file: %w", err)
			}
		}
	}
	return nil
}

// createTemp is os.CreateTemp but for the mode: the file ends up with the
// permissions that the umask gives any new file, not with 0600.
func createTemp(dir, base string) (*os.File, error) {
	tmp, err := os.CreateTemp(dir, "."+base+tempMark+"*")
	if err != nil {
		return nil, err
	}
	name := tmp.Name()
	tmp.Close()
	if err := os.Remove(name); err != nil {
		return nil, err
	}
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

// syncDir makes a rename in dir durable. File systems and platforms that cannot
// sync a directory are left at that: the rename itself is still atomic.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}

// writeError names the file that was to be written and says what to do.
func writeError(path string, err error) error {
	remedy := ""
	switch {
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		remedy = "; the disk is full: free some space or choose another output directory"
	case errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission):
		remedy = "; the directory cannot be written: choose another output directory or change its permissions"
	case errors.Is(err, fs.ErrNotExist):
		remedy = "; create the directory first"
	}
	return fmt.Errorf("write %s: %w%s", path, err, remedy)
}
