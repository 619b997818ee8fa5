package locate

import (
	"os"
	"path/filepath"
)

// ID is a file whatever path leads to it: two paths with equal IDs are one file.
type ID string

// Identify tells which file a path leads to, links followed, with what the system knows of
// it.
func Identify(path string) (ID, os.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", nil, err
	}
	return identify(path, info), info, nil
}

// Same tells whether two paths lead to one file or folder.
func Same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// byPath is an ID by the path without links.
func byPath(path string) ID {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return ID(path)
}
