package data

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"hdmnet/internal/infile"
	"hdmnet/internal/locate"
)

// ListFiles are the files that a list leads to.
type ListFiles struct {
	root      string
	elsewhere map[string]string // paths of names that are not there as written
	absent    map[string]error
	first     map[locate.ID]int // the first entry of each picture
	again     map[int]int       // entries of a picture that an entry before has → that entry
}

// FindListFiles looks for the files of a list whose paths are relative to root. One that is
// not there as written is looked for as locate.Finder.FindPath does: with letters of another
// case, or without the folders of the machine that the list was made on. A mask is never
// found in its own picture. Nothing is opened.
func FindListFiles(entries []ListEntry, root string) *ListFiles {
	f := &ListFiles{root: root, elsewhere: map[string]string{}, absent: map[string]error{}, first: map[locate.ID]int{}, again: map[int]int{}}
	finder := locate.New(root)
	for i, e := range entries {
		id, ok := f.find(finder, e.Image)
		if ok {
			if before, twice := f.first[id]; twice {
				f.again[i] = before
			} else {
				f.first[id] = i
			}
		}
		if mask, found := f.find(finder, e.Mask); found && ok && mask == id && f.elsewhere[e.Mask] != "" {
			delete(f.elsewhere, e.Mask)
			f.absent[e.Mask] = fmt.Errorf("%s: no such file", infile.Shown(f.Path(e.Mask)))
		}
	}
	return f
}

// find looks for one file; what it finds is noted.
func (f *ListFiles) find(finder *locate.Finder, name string) (locate.ID, bool) {
	if _, ok := f.absent[name]; ok {
		return "", false
	}
	path := f.Path(name)
	id, info, err := locate.Identify(path)
	if err != nil || info.IsDir() {
		other, otherErr := finder.FindPath(name)
		if otherErr != nil {
			var cause *fs.PathError
			switch {
			case err == nil:
				err = fmt.Errorf("%s is a folder, not a file", infile.Shown(path))
			case errors.As(err, &cause):
				err = fmt.Errorf("%s: %w", infile.Shown(path), cause.Err)
			}
			f.absent[name] = err
			return id, false
		}
		f.elsewhere[name] = other
		id, info, err = locate.Identify(other)
		path = other
	}
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", infile.Shown(path))
	}
	if err != nil {
		f.absent[name] = err
		return id, false
	}
	return id, true
}

// Path is where a name of the list leads: below the data root unless it is absolute, or
// where the file was found instead.
func (f *ListFiles) Path(name string) string {
	if path, ok := f.elsewhere[name]; ok {
		return path
	}
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(f.root, filepath.FromSlash(name))
}

// Elsewhere is the number of names that lead elsewhere than they say, and the first such
// name, in the order of the list, with the path where it was found.
func (f *ListFiles) Elsewhere(entries []ListEntry) (n int, name, path string) {
	for _, e := range entries {
		for _, column := range []string{e.Image, e.Mask} {
			if p, ok := f.elsewhere[column]; ok {
				return len(f.elsewhere), column, p
			}
		}
	}
	return 0, "", ""
}

// Again tells whether entry i has the picture of an entry before, by another path or
// through a link, and gives that entry.
func (f *ListFiles) Again(i int) (before int, ok bool) {
	before, ok = f.again[i]
	return before, ok
}

// check makes sure that every file of the list is there, and every picture once.
func (f *ListFiles) check(list string, entries []ListEntry) error {
	const shown = 5
	list = infile.Shown(list)
	var missing, twice []string
	for i, e := range entries {
		for _, name := range []string{e.Image, e.Mask} {
			if err, ok := f.absent[name]; ok {
				missing = append(missing, fmt.Sprintf("%s:%d: %v", list, e.Line, err))
			}
		}
		if before, ok := f.Again(i); ok {
			twice = append(twice, fmt.Sprintf("%s:%d: %s is the same file as %s on line %d", list, e.Line,
				infile.Shown(e.Image), infile.Shown(entries[before].Image), entries[before].Line))
		}
	}
	first := func(lines []string) string {
		if n := len(lines); n > shown {
			lines = append(lines[:shown:shown], fmt.Sprintf("… and %d more", n-shown))
		}
		return strings.Join(lines, "\n")
	}
	switch {
	case len(missing) > 0:
		return fmt.Errorf("%d files of %d listed pictures cannot be read; check the data root %q:\n%s", len(missing), len(entries), f.root, first(missing))
	case len(twice) > 0:
		return fmt.Errorf("%d pictures are listed again, by another path or through a link; remove these lines, or a picture could be its own support:\n%s", len(twice), first(twice))
	}
	return nil
}
