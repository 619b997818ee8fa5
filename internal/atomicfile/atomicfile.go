// Package atomicfile writes files that are there complete or not at all.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Write makes path appear complete or not at all, in place of a file that is there.
//
// write fills a temporary file in path's directory; it is then flushed, synced to
// the disk and renamed over path, and the directory is synced too. When write or
// any step fails, path keeps its old content (or stays absent) and the temporary
// file is removed. Errors name path and, for a full disk or a place that cannot be
// written, the remedy; errors.Is sees the cause.
//
// Behind a link the file that it leads to is written, the link stays. A device, a pipe,
// and whatever standard output or standard error go to, is written as it comes: there is
// nothing to rename. A pipe that nobody reads is an error.
//
// A process killed in the middle leaves its temporary file behind; the next Write of
// path removes it, and so does RemovePartial.
func Write(path string, write func(io.Writer) error) error { return put(path, true, write) }

// Create is Write for a path that has to be free: a file that is there stays as it is and
// is an error that errors.Is fs.ErrExist, also when it appears while write runs.
func Create(path string, write func(io.Writer) error) error { return put(path, false, write) }

// Free tells whether Create would find path free: nothing is there, or what is written as
// it comes.
func Free(path string) error {
	t, err := find(path)
	if err == nil && t.there && t.stream == nil {
		err = existsError(path)
	}
	t.close()
	return err
}

func put(path string, replace bool, write func(io.Writer) error) error {
	t, err := find(path)
	if err != nil {
		return err
	}
	defer t.close()
	switch {
	case t.stream != nil:
		if err := fill(t.stream, write); err != nil {
			return writeError(path, err)
		}
		return nil
	case t.there && !replace:
		return existsError(path)
	}
	return t.write(path, replace, write)
}

// write fills a temporary file and gives it its name.
func (t *target) write(path string, replace bool, write func(io.Writer) error) error {
	dir, base := filepath.Split(t.path)
	if dir == "" {
		dir = "."
	}
	tmp, err := createTemp(dir, base)
	if err != nil {
		return createError(path, err)
	}
	done := false
	defer func() {
		_ = tmp.Close()
		if !done {
			_ = os.Remove(tmp.Name())
		}
	}()
	if err := fill(tmp, write); err != nil {
		return writeError(path, err)
	}
	if t.there && runtime.GOOS != "windows" {
		if err := tmp.Chmod(t.mode); err != nil && !errors.Is(err, syscall.ENOTSUP) && !errors.Is(err, fs.ErrPermission) {
			return writeError(path, err)
		}
	}
	if err := tmp.Sync(); err != nil {
		return writeError(path, err)
	}
	if runtime.GOOS == "windows" { // there an open file cannot be renamed; elsewhere its lock is kept until it has its name
		if err := tmp.Close(); err != nil {
			return writeError(path, err)
		}
	}
	if err := rename(tmp.Name(), t.path, replace); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return existsError(path)
		}
		return writeError(path, err)
	}
	done = true
	if err := syncDir(dir); err != nil {
		return writeError(path, err)
	}
	return nil
}

func fill(f io.Writer, write func(io.Writer) error) error {
	buf := bufio.NewWriterSize(f, 1<<16)
	if err := write(buf); err != nil {
		return err
	}
	return buf.Flush()
}

// rename gives a finished file its name. Where that has to be free a hard link, which
// fails on a name that is taken, comes first; file systems without links look instead.
func rename(from, to string, replace bool) error {
	if replace {
		return os.Rename(from, to)
	}
	err := os.Link(from, to)
	switch {
	case err == nil:
		return os.Remove(from)
	case errors.Is(err, fs.ErrExist):
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		return fs.ErrExist
	}
	return os.Rename(from, to)
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

func existsError(path string) error {
	return fmt.Errorf("%s is there already and is kept: choose another name: %w", path, fs.ErrExist)
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
