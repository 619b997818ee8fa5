//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package filelock

import "os"

// Lock is not there on this system.
func Lock(*os.File) error { return ErrUnsupported }
