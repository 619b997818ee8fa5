//go:build unix

package lockfile

import (
	"errors"
	"os"
	"syscall"
)

// lock locks an open file; held tells that another process has it. Where the file system
// knows no locks there is none to wait for.
func lock(f *os.File) (held bool, err error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return true, nil
		case errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.ENOTSUP):
			return false, nil
		}
		return false, err
	}
}
