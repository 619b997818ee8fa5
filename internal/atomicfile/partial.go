package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"

	"hdmnet/internal/filelock"
)

// tempMark follows the final name in that of a temporary file; a random part comes after
// it where several processes write one name.
const tempMark = ".partial"

// temporary matches the names that createTemp gives.
var temporary = regexp.MustCompile(`^\..+\.partial(-[0-9a-f]{8})?$`)

// longestBase is how much of a name a temporary name holds: systems allow 255 bytes.
const longestBase = 200

// RemovePartial removes the temporary files that killed Write calls left in dir. Those
// that a process still writes are locked and stay. A missing dir is no error.
func RemovePartial(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for unfinished files in %s: %w", dir, err)
	}
	for _, e := range entries {
		if !temporary.MatchString(e.Name()) {
			continue
		}
		if err := removeDead(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("remove the unfinished file: %w", err)
		}
	}
	return nil
}

// removeDead removes a temporary file whose writer is gone. Where files cannot be locked
// nobody can tell, and it stays.
func removeDead(path string) error {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return nil // finished meanwhile, or not ours
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) { // the same
			return nil
		}
		return err
	}
	defer f.Close()
	// Between opening and locking its writer may have finished: then another file, or
	// none, has this name.
	if filelock.Lock(f) != nil || !names(path, f) {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// createTemp makes the temporary file for a name and locks it, which says that it is not
// dead. A dead one of the same name is removed first. The file gets the permissions that
// the umask gives any new file.
func createTemp(dir, base string) (*os.File, error) {
	name := filepath.Join(dir, "."+base[:min(len(base), longestBase)]+tempMark)
	for try := 0; ; try++ {
		path := name
		if try > 1 { // somebody alive writes it
			path = fmt.Sprintf("%s-%08x", name, rand.Uint32())
		}
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			if err := removeDead(path); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		err = filelock.Lock(f)
		if err == nil && names(path, f) || errors.Is(err, filelock.ErrUnsupported) {
			return f, nil
		}
		_ = f.Close()
		if err != nil && !errors.Is(err, filelock.ErrLocked) {
			_ = os.Remove(path)
			return nil, err
		}
		// It was taken for dead before it was locked: another one.
	}
}

// names tells whether path still is the name of f.
func names(path string, f *os.File) bool {
	there, err := os.Lstat(path)
	if err != nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && os.SameFile(there, info)
}
