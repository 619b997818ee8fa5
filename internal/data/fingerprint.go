package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
)

// Fingerprint tells a list of pictures from others: list changes with the pairs and their
// order, files with the size or the time of change of any mask, or the size of a picture.
// No content is read. A file that is gone counts as one of no size.
func (s *ListSource) Fingerprint() (list, files string) {
	l, f := sha256.New(), sha256.New()
	for _, e := range s.entries {
		_, _ = fmt.Fprintf(l, "%q %q\n", e.Image, e.Mask) // a hash takes everything
		size, _ := changed(s.path(e.Image))
		maskSize, at := changed(s.path(e.Mask))
		_, _ = fmt.Fprintln(f, size, maskSize, at)
	}
	return inHex(l), inHex(f)
}

// changed is a file's size and the time of its last change, in nanoseconds.
func changed(path string) (size, at int64) {
	info, err := os.Stat(path)
	if err != nil {
		return -1, 0
	}
	return info.Size(), info.ModTime().UnixNano()
}

func inHex(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)[:16]) }
