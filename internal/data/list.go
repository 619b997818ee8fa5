package data

import (
	"fmt"

	"hdmnet/internal/infile"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/picture"
)

// ListSource is a Source of the pictures that a list file names.
type ListSource struct {
	list    string
	files   *ListFiles
	classes int
	entries []ListEntry
	reader  *picture.Reader
}

// OpenList opens a list file (see ParseList) whose paths are relative to root;
// absolute ones stay as they are. classes is the number of classes without the
// background (PASCAL 20, COCO 80): a mask value above it, but 255, is an error.
//
// All files must exist (see FindListFiles for what is found under another name), and no
// picture be listed twice, by whatever path: the error names list and line of the first
// of which this is not so and says how many there are. Nothing is decoded yet.
func OpenList(list, root string, classes int) (*ListSource, error) {
	if classes < 1 || classes >= labelmap.Ignore {
		return nil, fmt.Errorf("%s: %d classes, expected 1..%d", list, classes, labelmap.MaxClasses)
	}
	entries, err := ReadList(list)
	if err != nil {
		return nil, err
	}
	s := &ListSource{list: list, classes: classes, entries: entries, files: FindListFiles(entries, root), reader: new(picture.Reader)}
	return s, s.files.check(list, entries)
}

// ReadWith makes the source read pictures and masks with r from now on. It must not be
// called beside other methods.
func (s *ListSource) ReadWith(r *picture.Reader) { s.reader = r }

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
	image, content, size, err := s.reader.LoadImage(scene.Image, scene.file, s.path(e.Image))
	if err != nil {
		return err
	}
	mask, content, maskSize, err := s.reader.LoadMask(scene.Mask, content, s.path(e.Mask), s.classes)
	if err != nil {
		return err
	}
	if err := s.sameSize(e, size, maskSize); err != nil {
		return err
	}
	h, w := size.Read()
	*scene = Scene{Name: e.Image, H: h, W: w, Image: image, Mask: mask, file: content}
	return nil
}

// LoadMask decodes the mask of entry i. Of the image only the size is read, so
// that a pair that does not fit is found while the index is built.
func (s *ListSource) LoadMask(i int) ([]uint8, error) {
	e := s.entries[i]
	size, err := s.reader.Size(s.path(e.Image))
	if err != nil {
		return nil, err
	}
	mask, maskSize, err := s.reader.ReadMask(s.path(e.Mask), s.classes)
	if err != nil {
		return nil, err
	}
	return mask, s.sameSize(e, size, maskSize)
}

func (s *ListSource) sameSize(e ListEntry, image, mask picture.Size) error {
	if image == mask {
		return nil
	}
	return fmt.Errorf("%s is %v pixels (width×height) but its mask %s is %v; they must be of one size: was one of them resized?",
		infile.Shown(s.path(e.Image)), image, infile.Shown(s.path(e.Mask)), mask)
}
