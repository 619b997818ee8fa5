package coco

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"hdmnet/internal/infile"
	"hdmnet/internal/tally"
	"hdmnet/internal/textfile"
)

// Limits of what is accepted. A damaged or hostile file must not ask for all memory.
const (
	// MaxPixels is the largest image, in pixels.
	MaxPixels = 1 << 28
	// maxCategories is the number of class values of an 8-bit mask, less 0 and 255.
	maxCategories = 254
	// maxValue is the longest text of one image, category or annotation, in bytes.
	maxValue = 16 << 20
	// maxParts is the number of polygons of one annotation.
	maxParts = 1 << 16
	// maxCoordinate bounds the coordinates of polygons, in pixels.
	maxCoordinate = 1_000_000
	// maxFile is the size of the largest file, in bytes; the largest official one has 490 MB.
	maxFile = 16 << 30
	// maxDepth is how deep parts of the file that are skipped may be nested.
	maxDepth = 1000
)

// Image is one entry of "images".
type Image struct {
	ID   ID
	File string // file_name, as written
	H, W int    // pixels, H·W at most MaxPixels; 0 where the file does not say, or not so
}

// Category is one entry of "categories".
type Category struct {
	ID   ID
	Name string
}

// Set is an instances file: what is in it, and where. Its masks may be asked for from
// several goroutines.
type Set struct {
	Name       string     // of the file, for messages
	Images     []Image    // in the order of the file
	Categories []Category // ascending ids; the value in masks is the place, from 1
	Crowds     int        // annotations with iscrowd 1
	Checksum   string     // SHA-256 of the file, hexadecimal
	// Tally counts all annotations as read, and what cannot be used of the file whatever the
	// pictures are. What of the others cannot be drawn is known when Mask draws them.
	Tally tally.Tally

	source io.ReaderAt
	file   *os.File
	// Annotations of image i are [begin[i], begin[i+1]), in the order of the file.
	annotations []annotation
	begin       []int
}

// annotation says where the text of an instance is and what it is drawn with.
type annotation struct {
	offset int64
	length int32
	sum    uint32 // CRC-32 of its text
	value  uint8
}

// Options say how a file is read.
type Options struct {
	Crowds Crowds
	// Progress is told the bytes read so far and in all; nil means silent.
	Progress func(read, size int64)
}

// Open reads an instances file once and keeps it open for Mask; see Close. It must not
// change meanwhile.
//
// What pycocotools reads is read: ids that are text or numbers written as 64.0, ids of
// annotations that repeat or are missing, NaN. The text may be UTF-8, with a byte-order
// mark or without, or UTF-16. Records that cannot be used are counted in Tally. A category
// that is only the name of the whole set, as Roboflow writes one, is no class.
//
// Errors name the file: text in another encoding, JSON that is cut short or wrong, no
// images, no categories or more than maxCategories, two categories of one id; the
// context's when it ends.
func Open(ctx context.Context, path string, opt Options) (*Set, error) {
	f, err := infile.Open(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("COCO annotations (such as annotations/instances_val2014.json): %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	s, err := readSet(ctx, f, info.Size(), path, opt)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	s.file = f
	return s, nil
}

// readSet is Open for size bytes of source; name stands for it in messages. The source is
// read again by Mask.
func readSet(ctx context.Context, source io.ReaderAt, size int64, name string, opt Options) (*Set, error) {
	source, size, err := inUTF8(source, size, name)
	if err != nil {
		return nil, err
	}
	r := &reader{set: &Set{Name: name, source: source}}
	if err := r.read(ctx, io.NewSectionReader(source, 0, size), size, opt.Progress); err != nil {
		if encoding := (*textfile.EncodingError)(nil); errors.As(err, &encoding) {
			return nil, encoding // it names file and line
		}
		return nil, fmt.Errorf("%s: %w", infile.Shown(name), err)
	}
	if err := r.resolve(opt.Crowds); err != nil {
		return nil, fmt.Errorf("%s: %w", infile.Shown(name), err)
	}
	return r.set, nil
}

// inUTF8 gives a source whose places are those of the text in UTF-8: UTF-16 is held in
// memory.
func inUTF8(source io.ReaderAt, size int64, name string) (io.ReaderAt, int64, error) {
	begin := make([]byte, 4096)
	n, err := source.ReadAt(begin, 0)
	if err != nil && err != io.EOF {
		return nil, 0, fmt.Errorf("%s: %w", infile.Shown(name), err)
	}
	if !textfile.IsUTF16(begin[:n]) {
		return source, size, nil
	}
	text, err := textfile.ReadAll(io.NewSectionReader(source, 0, size), name)
	if err != nil {
		return nil, 0, err
	}
	return bytes.NewReader(text), int64(len(text)), nil
}

// Close closes the file that Open opened.
func (s *Set) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// Instances is the number of annotations of image i (its place in Images) that are drawn,
// as far as that is known before.
func (s *Set) Instances(i int) int { return s.begin[i+1] - s.begin[i] }

// ClassNames are the names of the values in masks; the first is that of value 1.
func (s *Set) ClassNames() []string {
	names := make([]string, len(s.Categories))
	for i, c := range s.Categories {
		names[i] = c.Name
	}
	return names
}
