// Package atomicfile writes files that are there complete or not at all.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// tempMark separates the final name from the random part of a temporary name.
const tempMark = ".partial-"

// Write makes path appear complete or not at all.
//
// write fills a temporary file in path's directory; it is then flushed, synced to
// the disk and renamed over path, and the directory is synced too. When write or
// any step fails, path keeps its old content (or stays absent) and the temporary
// file is removed. Errors name path and, for a full disk or a place that cannot be
// written, the remedy; errors.Is sees the cause.
//
// A process killed in the middle leaves its temporary file behind; RemovePartial
// clears those.
func Write(path string, write func(io.Writer) error) (err error) {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	if base == "" || base == "." || base == ".." {
		return fmt.Errorf("write %q: this names a directory; give a file name", path)
	}
	tmp, err := createTemp(dir, base)
	if err != nil {
		return createError(path, err)
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

// RemovePartial removes the temporary files that killed Write calls left
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

// createTemp is os.CreateTemp but for the mode: the file gets the permissions that
// the umask gives any new file, not 0600.
func createTemp(dir, base string) (*os.File, error) {
	for {
		name := fmt.Sprintf(".%s%s%08x", base, tempMark, rand.Uint32())
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
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

// writeError names the file that was to be written and, where the cause is known,
// says what to do.
func writeError(path string, err error) error {
	remedy := ""
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		remedy = "; the disk is full: free some space or choose another output directory"
	}
	return fmt.Errorf("write %s: %w%s", path, err, remedy)
}

// createError is writeError for a file that could not even be started.
func createError(path string, err error) error {
	switch {
	case errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("write %s: %w; the directory cannot be written: choose another output directory or change its permissions", path, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("write %s: %w; create the directory first", path, err)
	}
	return writeError(path, err)
}
