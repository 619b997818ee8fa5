package data

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// ListEntry is one line of a list file: paths as written, relative to the data root.
type ListEntry struct {
	Image, Mask string
	Line        int // from 1
}

// ParseList reads a list as the field has it: one `image mask` pair a line,
// separated by white space (or by one tab, when the names hold spaces). Blank
// lines, Windows line ends and a byte-order mark are accepted. name stands for
// the file in messages.
//
// Errors name file and line: a line without exactly two columns, a pair that
// was listed before, a list without entries.
func ParseList(r io.Reader, name string) ([]ListEntry, error) {
	lines := bufio.NewScanner(r)
	var entries []ListEntry
	seen := map[[2]string]int{}
	n := 0
	for lines.Scan() {
		n++
		// Byte order marks start files, and lists that were joined from several.
		text := strings.TrimLeftFunc(lines.Text(), func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' })
		if strings.TrimSpace(text) == "" {
			continue
		}
		columns := strings.Fields(text)
		if tabs := strings.Split(strings.TrimSpace(text), "\t"); len(tabs) == 2 {
			columns = []string{strings.TrimSpace(tabs[0]), strings.TrimSpace(tabs[1])}
		}
		if len(columns) != 2 {
			return nil, fmt.Errorf("%s:%d: %d columns in %.80q, expected two: the image and its mask, relative to the data root (separate names that hold spaces by one tab)",
				name, n, len(columns), text)
		}
		pair := [2]string{columns[0], columns[1]}
		if before, ok := seen[pair]; ok {
			return nil, fmt.Errorf("%s:%d: %s is listed on line %d already; remove one of them, or the picture could be its own support", name, n, pair[0], before)
		}
		seen[pair] = n
		entries = append(entries, ListEntry{Image: pair[0], Mask: pair[1], Line: n})
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return nil, fmt.Errorf("%s:%d: line longer than %d bytes; is this a list file?", name, n+1, bufio.MaxScanTokenSize)
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("%s: no entries, expected lines of `image mask`", name)
	}
	return entries, nil
}

// ListSource is a Source of the pictures that a list file names.
type ListSource struct {
	list    string
	root    string
	classes int
	entries []ListEntry
}

// OpenList opens a list file (see ParseList) whose paths are relative to root;
// absolute ones stay as they are. classes is the number of classes without the
// background (PASCAL 20, COCO 80): a mask value above it, but 255, is an error.
//
// All files must exist: the error names list and line of the first that do not
// and says how many there are. Nothing is decoded yet.
func OpenList(list, root string, classes int) (*ListSource, error) {
	if classes < 1 || classes >= Ignore {
		return nil, fmt.Errorf("%s: %d classes, expected 1..%d", list, classes, Ignore-1)
	}
	f, err := os.Open(list)
	if err != nil {
		return nil, fmt.Errorf("list file: %w", err)
	}
	defer f.Close()
	entries, err := ParseList(f, list)
	if err != nil {
		return nil, err
	}
	s := &ListSource{list: list, root: root, classes: classes, entries: entries}
	return s, s.checkFiles()
}

// checkFiles makes sure that every file of the list is there.
func (s *ListSource) checkFiles() error {
	const shown = 5
	var lines []string
	missing := 0
	for _, e := range s.entries {
		for _, name := range []string{e.Image, e.Mask} {
			info, err := os.Stat(s.path(name))
			if err == nil && info.Mode().IsRegular() {
				continue
			}
			if err == nil {
				err = fmt.Errorf("%s is not a file", s.path(name))
			}
			if missing++; missing <= shown {
				lines = append(lines, fmt.Sprintf("%s:%d: %v", s.list, e.Line, err))
			}
		}
	}
	if missing == 0 {
		return nil
	}
	if missing > shown {
		lines = append(lines, fmt.Sprintf("… and %d more", missing-shown))
	}
	return fmt.Errorf("%d files of %d listed pictures cannot be read; check the data root %q%s:\n%s",
		missing, len(s.entries), s.root, s.prefixHint(), strings.Join(lines, "\n"))
}

// prefixHint says what to do when the files are there but the list was written for another
// data root.
func (s *ListSource) prefixHint() string {
	prefix := StrayPrefix(s.entries, s.root)
	if prefix == "" {
		return ""
	}
	return fmt.Sprintf("; the pictures are there without %q: remove that from every path in %s", prefix, s.list)
}

// StrayPrefix is what has to be removed from the paths of a list for its first missing
// picture to be found under root, or "": lists of the field are found with "VOC2012/" or
// "../data/VOC2012/" before every path.
func StrayPrefix(entries []ListEntry, root string) string {
	for _, e := range entries {
		if _, err := os.Stat(ListPath(root, e.Image)); err == nil {
			continue
		}
		for at, c := range e.Image {
			if c != '/' && c != '\\' || at+1 == len(e.Image) {
				continue
			}
			prefix, rest := e.Image[:at+1], e.Image[at+1:]
			if _, err := os.Stat(ListPath(root, rest)); err == nil && strings.Trim(prefix, `/\.`) != "" {
				return prefix
			}
		}
		return ""
	}
	return ""
}

// ListPath is where a path of a list leads: below the data root unless it is absolute.
func ListPath(root, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(root, filepath.FromSlash(name))
}

func (s *ListSource) path(name string) string { return ListPath(s.root, name) }

// Len is the number of lines with an entry.
func (s *ListSource) Len() int { return len(s.entries) }

// Name is the image's path as the list has it.
func (s *ListSource) Name(i int) string { return s.entries[i].Image }

// List is the path of the list file.
func (s *ListSource) List() string { return s.list }

// Entries are the list's lines, in order. The caller must not change them.
func (s *ListSource) Entries() []ListEntry { return s.entries }

// Load decodes image and mask of entry i. Errors name the file: unreadable or
// truncated, not one of the accepted kinds, a mask value out of range, an image
// and a mask of different size.
func (s *ListSource) Load(i int) (*Scene, error) {
	scene := &Scene{}
	if err := s.LoadInto(scene, i); err != nil {
		return nil, err
	}
	return scene, nil
}

// LoadInto is Load into the memory of scene where it suffices.
func (s *ListSource) LoadInto(scene *Scene, i int) error {
	e := s.entries[i]
	path := s.path(e.Image)
	content, err := readFile(scene.file, path)
	if err != nil {
		return fmt.Errorf("image: %w", err)
	}
	image, h, w, err := decodeImage(scene.Image, content, path)
	if err != nil {
		return err
	}
	path = s.path(e.Mask)
	if content, err = readFile(content, path); err != nil {
		return fmt.Errorf("mask: %w", err)
	}
	mask, mh, mw, err := decodeMask(scene.Mask, content, path, s.classes)
	if err != nil {
		return err
	}
	if err := s.sameSize(e, h, w, mh, mw); err != nil {
		return err
	}
	*scene = Scene{Name: e.Image, H: h, W: w, Image: image, Mask: mask, file: content}
	return nil
}

// LoadMask decodes the mask of entry i. Of the image only the size is read, so
// that a pair that does not fit is found while the index is built.
func (s *ListSource) LoadMask(i int) ([]uint8, error) {
	e := s.entries[i]
	h, w, err := ImageSize(s.path(e.Image))
	if err != nil {
		return nil, err
	}
	mask, mh, mw, err := ReadMask(s.path(e.Mask), s.classes)
	if err != nil {
		return nil, err
	}
	return mask, s.sameSize(e, h, w, mh, mw)
}

func (s *ListSource) sameSize(e ListEntry, h, w, mh, mw int) error {
	if h == mh && w == mw {
		return nil
	}
	return fmt.Errorf("%s is %d×%d pixels (width×height) but its mask %s is %d×%d; they must be of one size: was one of them resized?",
		s.path(e.Image), w, h, s.path(e.Mask), mw, mh)
}
