package data

import (
	"fmt"
)

// ListSource is a Source of the pictures that a list file names.
type ListSource struct {
	list    string
	files   *ListFiles
	classes int
	entries []ListEntry
}

// OpenList opens a list file (see ParseList) whose paths are relative to root;
// absolute ones stay as they are. classes is the number of classes without the
// background (PASCAL 20, COCO 80): a mask value above it, but 255, is an error.
//
// All files must exist (see FindListFiles for what is found under another name), and no
// picture be listed twice, by whatever path: the error names list and line of the first
// of which this is not so and says how many there are. Nothing is decoded yet.
func OpenList(list, root string, classes int) (*ListSource, error) {
	if classes < 1 || classes >= Ignore {
		return nil, fmt.Errorf("%s: %d classes, expected 1..%d", list, classes, Ignore-1)
	}
	entries, err := ReadList(list)
	if err != nil {
		return nil, err
	}
	s := &ListSource{list: list, classes: classes, entries: entries, files: FindListFiles(entries, root)}
	return s, s.files.check(list, entries)
}

func (s *ListSource) path(name string) string { return s.files.Path(name) }

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
