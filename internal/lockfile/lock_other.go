//go:build !unix

package lockfile

import "os"

// lock does nothing: this system is not one that training runs on.
func lock(*os.File) (held bool, err error) { return false, nil }
