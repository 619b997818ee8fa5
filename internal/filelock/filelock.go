// Package filelock locks files so that the lock dies with its process, however that ends.
package filelock

import "errors"

// ErrLocked says that somebody else holds the lock.
var ErrLocked = errors.New("locked")

// ErrUnsupported says that this system, or the file's file system, has no such locks.
var ErrUnsupported = errors.New("no locks here")
