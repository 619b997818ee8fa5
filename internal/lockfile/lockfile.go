// Package lockfile keeps two processes from working in one folder at a time.
package lockfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"hdmnet/internal/filelock"
	"hdmnet/internal/infile"
)

// ErrHeld is the kind of error of a lock that another process has.
var ErrHeld = errors.New("another process is at work here")

// Acquire takes the lock that a file is, which holds the number of the process. release
// gives it back and removes the file. A file that a killed process left is no lock: the
// system forgets locks of processes that end.
//
// Errors: ErrHeld's kind, with the number of the process that has it; a file that cannot
// be made.
func Acquire(path string) (release func(), err error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, fmt.Errorf("lock: %w", err)
		}
		switch err := filelock.Lock(f); {
		case errors.Is(err, filelock.ErrLocked):
			owner := owner(f)
			_ = f.Close()
			return nil, fmt.Errorf("%w%s (%s)", ErrHeld, owner, infile.Shown(path))
		case errors.Is(err, filelock.ErrUnsupported): // there is none to wait for
		case err != nil:
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", infile.Shown(path), err)
		}
		// Whoever had the lock before may have removed the file meanwhile.
		mine, err := f.Stat()
		there, statErr := os.Stat(path)
		if err != nil || statErr != nil || !os.SameFile(mine, there) {
			_ = f.Close()
			continue
		}
		_ = f.Truncate(0)
		_, _ = fmt.Fprintf(f, "%d\n", os.Getpid()) // for the message of others only
		return func() {
			_ = os.Remove(path)
			_ = f.Close()
		}, nil
	}
}

// owner says which process has the lock.
func owner(f *os.File) string {
	text, err := io.ReadAll(io.LimitReader(f, 20))
	pid := strings.TrimSpace(string(text))
	if err != nil || pid == "" || strings.Trim(pid, "0123456789") != "" {
		return ""
	}
	return ", process " + pid
}
