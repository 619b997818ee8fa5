package coco

import (
	"context"
	"fmt"
	"io"
	"os"
)

// Limits of what is accepted. A damaged or hostile file must not ask for all memory.
const (
	// MaxPixels is the largest image, in pixels.
	MaxPixels = 1 << 26
	// MaxCategories is the number of class values of an 8-bit mask, less 0 and 255.
	MaxCategories = 254
	// maxValue is the longest text of one image, category or annotation, in bytes.
	maxValue = 16 << 20
	// maxParts is the number of polygons of one annotation.
	maxParts = 1 << 16
	// maxCoordinate bounds the coordinates of polygons, in pixels.
	maxCoordinate = 1_000_000
	// maxDepth is how deep parts of the file that are skipped may be nested.
	maxDepth = 1000
)

// Image is one entry of "images".
type Image struct {
	ID   int64
	File string // file_name, as written
	H, W int    // pixels, at least 1; H·W is at most MaxPixels
}

// Category is one entry of "categories".
type Category struct {
	ID   int64
	Name string
}

// Set is an instances file: what is in it, and where. Its masks may be asked for from
// several goroutines.
type Set struct {
	Name       string     // of the file, for messages
	Images     []Image    // in the order of the file
	Categories []Category // ascending ids; the value in masks is the place, from 1
	Crowds     int        // annotations left out as crowds
	Checksum   string     // SHA-256 of the file, hexadecimal

	source io.ReaderAt
	file   *os.File
	// Annotations of image i are [begin[i], begin[i+1]), in the order of the file.
	annotations []annotation
	begin       []int
}

// annotation says where the text of an instance is and what it is drawn with.
type annotation struct {
	id     int64
	offset int64
	length int32
	value  uint8
}

// Open reads an instances file once and keeps it open for Mask; see Close. It must not
// change meanwhile. progress is told the bytes read so far and in all; nil means silent.
//
// Errors name the file and, as far as there is one, the annotation: JSON that is cut short
// or wrong (NaN is no JSON), a missing or negative size, an image of more than MaxPixels,
// ids that occur twice, annotations of unknown images or categories, no images, no
// categories or more than MaxCategories; the context's when it ends.
func Open(ctx context.Context, path string, progress func(read, size int64)) (*Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("COCO annotations: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder, expected a JSON file such as annotations/instances_val2014.json", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	s, err := Read(ctx, f, info.Size(), path, progress)
	if err != nil {
		f.Close()
		return nil, err
	}
	s.file = f
	return s, nil
}

// Read is Open for size bytes of source; name stands for it in messages. The source is
// read again by Mask.
func Read(ctx context.Context, source io.ReaderAt, size int64, name string, progress func(read, size int64)) (*Set, error) {
	r := &reader{set: &Set{Name: name, source: source}}
	if err := r.read(ctx, io.NewSectionReader(source, 0, size), size, progress); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := r.resolve(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r.set, nil
}

// Close closes the file that Open opened.
func (s *Set) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// Instances is the number of annotations of image i (its place in Images), crowds not
// counted.
func (s *Set) Instances(i int) int { return s.begin[i+1] - s.begin[i] }

// ClassNames are the names of the values in masks; the first is that of value 1.
func (s *Set) ClassNames() []string {
	names := make([]string, len(s.Categories))
	for i, c := range s.Categories {
		names[i] = c.Name
	}
	return names
}
