// Package verify checks the files of a data set and compares what they hold with what
// the field has published: every picture and mask of a list is decoded once, the
// (image, class) pairs are counted for every fold from that, and what differs comes with
// what it usually means.
package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/infile"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/locate"
	"hdmnet/internal/picture"
)

// maxProblems is how many problems a List keeps; all are counted.
const maxProblems = 1000

// Problem is what is wrong with one file of a list.
type Problem struct {
	Line    int    `json:"line"` // of the list, from 1
	File    string `json:"file"`
	Message string `json:"message"`
}

// List is what the check of a list file found.
type List struct {
	Path     string    `json:"path"`
	Pairs    int       `json:"pairs"`              // lines with an image and its mask
	Broken   int       `json:"broken"`             // pairs with a problem; they are left out of all counts
	Problems []Problem `json:"problems,omitempty"` // the first maxProblems, in the order of the list
	Total    int       `json:"problems_total"`
	// Warnings are the first maxProblems of what is odd about files that are read all the
	// same, Odd the number of all.
	Warnings []Problem `json:"warnings,omitempty"`
	Odd      int       `json:"warnings_total"`
	// Elsewhere is the number of files that were found by another path than the list has
	// (see data.FindListFiles), Example the first of them and where it is.
	Elsewhere int       `json:"found_elsewhere,omitempty"`
	Example   [2]string `json:"-"`
	// AboveClasses is the number of masks with values above the last class, but 255,
	// and Highest the highest of these values.
	AboveClasses int `json:"masks_above_classes"`
	Highest      int `json:"highest_value"`

	Areas data.Areas `json:"-"` // of the whole pairs
	// OneSize tells whether all whole masks, more than one, are W×H pixels.
	OneSize bool `json:"one_size"`
	W       int  `json:"-"`
	H       int  `json:"-"`

	images map[locate.ID]bool // pictures that are there
}

// Options say how files are checked.
type Options struct {
	Root      string                             // that the paths of the list are relative to
	MaxPixels int                                // of a picture; 0: picture.DefaultMaxPixels
	Colors    *picture.Table                     // the classes of the colors of painted masks, see picture.Reader
	Classes   int                                // mask values are 0..Classes and 255
	Workers   int                                // pairs read at once; 0 means GOMAXPROCS; changes nothing in the result
	Progress  func(path string, done, total int) // after every pair of a list, from one goroutine at a time; nil means silent
	Link      dist.Link                          // of the processes that check a part each, all at the same time; nil: this one alone
}

// Check reads a list and every file in it: images and masks must be there, be whole, be
// of one size, and masks hold classes or 255. What is wrong with files is in the result;
// errors are a list that cannot be read, a canceled context, and of several processes one that
// has another list. All of them get the result.
func Check(ctx context.Context, path string, opt Options) (*List, error) {
	entries, err := data.ReadList(path)
	if err != nil {
		return nil, err
	}
	if opt.Link == nil {
		opt.Link = dist.Solo{}
	}
	c := &checker{opt: opt, entries: entries, files: data.FindListFiles(entries, opt.Root), found: make([]finding, len(entries)), odd: map[string][]string{}}
	c.reader = &picture.Reader{MaxPixels: opt.MaxPixels, Colors: opt.Colors, Warn: c.warn}
	n, place := len(entries), opt.Link.Place()
	c.part = place.Shard(1)
	areas, err := data.CountAreas(ctx, c, opt.Workers, func(done, _ int) {
		if opt.Progress != nil {
			opt.Progress(path, min(done*place.Size, n), n) // the others are about as far
		}
	})
	if err := dist.Agree(opt.Link, err); err != nil {
		return nil, err
	}
	if areas, err = c.gather(areas); err != nil {
		return nil, err
	}
	return c.list(path, areas), nil
}

// gather brings what all processes have found to each of them.
func (c *checker) gather(areas data.Areas) (data.Areas, error) {
	link, n := c.opt.Link, len(c.entries)
	if link.Place().Size == 1 {
		return areas, nil
	}
	areas, err := dist.Collect(link, n, areas)
	if err != nil {
		return nil, err
	}
	mine := make([]finding, c.Len())
	for i := range mine {
		mine[i] = c.found[c.part.Position(i)]
	}
	if c.found, err = dist.Collect(link, n, mine); err != nil {
		return nil, err
	}
	// Warnings are by file, of which several pairs may have one.
	odd, err := dist.Exchange(link, c.odd)
	if err != nil {
		return nil, err
	}
	c.odd = map[string][]string{}
	for _, other := range odd {
		for path, messages := range other {
			c.odd[path] = append(c.odd[path], messages...)
		}
	}
	return areas, nil
}

// list sums up what was found.
func (c *checker) list(path string, areas data.Areas) *List {
	l := &List{Path: path, Pairs: len(c.entries), Areas: areas, OneSize: true, images: map[locate.ID]bool{}}
	l.Elsewhere, l.Example[0], l.Example[1] = c.files.Elsewhere(c.entries)
	whole := 0
	for i, e := range c.entries {
		for _, path := range []string{c.files.Path(e.Image), c.files.Path(e.Mask)} {
			for _, message := range c.odd[path] {
				if l.Odd++; len(l.Warnings) < maxProblems {
					l.Warnings = append(l.Warnings, Problem{e.Line, path, infile.Shown(path) + ": " + message})
				}
			}
			delete(c.odd, path)
		}
		if id, _, err := locate.Identify(c.files.Path(e.Image)); err == nil {
			l.images[id] = true
		}
		f := &c.found[i]
		l.Total += len(f.Problems)
		if f.Above > 0 {
			l.AboveClasses++
			l.Highest = max(l.Highest, f.Above)
		}
		if len(f.Problems) > 0 {
			l.Broken++
			for _, p := range f.Problems[:min(len(f.Problems), maxProblems-len(l.Problems))] {
				p.Line = e.Line
				l.Problems = append(l.Problems, p)
			}
			continue
		}
		if whole++; whole == 1 {
			l.H, l.W = f.H, f.W
		}
		l.OneSize = l.OneSize && f.H == l.H && f.W == l.W
	}
	l.OneSize = l.OneSize && whole > 1
	return l
}

// whole is the number of pairs without a problem. Where there are none, nothing can be said
// about classes.
func (l *List) whole() int { return l.Pairs - l.Broken }

// finding is what one pair turned out to be.
type finding struct {
	Problems []Problem
	Above    int // the highest value above the classes, but 255; 0: none
	H, W     int
}

// checker is a data.MaskSource of this process's part of the pairs. It never fails: it notes
// what is wrong with a pair and gives it an empty mask.
type checker struct {
	opt     Options
	entries []data.ListEntry
	part    dist.Shard
	files   *data.ListFiles
	reader  *picture.Reader
	found   []finding // each written by the goroutine that reads the pair

	mu  sync.Mutex
	odd map[string][]string // warnings, by path
}

func (c *checker) warn(file, message string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.odd[file] = append(c.odd[file], message)
}

func (c *checker) Len() int                        { return c.part.Len(len(c.entries)) }
func (c *checker) Name(i int) string               { return c.entries[c.part.Position(i)].Image }
func (c *checker) Load(int) (*data.Scene, error)   { return nil, errors.ErrUnsupported }
func (c *checker) LoadMask(i int) ([]uint8, error) { return c.check(c.part.Position(i)), nil }

func (c *checker) check(i int) []uint8 {
	image, mask := c.files.Path(c.entries[i].Image), c.files.Path(c.entries[i].Mask)
	f := &c.found[i]
	fail := func(file, message string) { f.Problems = append(f.Problems, Problem{File: file, Message: message}) }

	if before, ok := c.files.Again(i); ok {
		fail(image, fmt.Sprintf("%s is the same file as %s on line %d, by another path or through a link: remove one of the lines, or the picture could be its own support",
			infile.Shown(c.entries[i].Image), infile.Shown(c.entries[before].Image), c.entries[before].Line))
	}
	_, size, imageErr := c.reader.ReadImage(image)
	if imageErr != nil {
		fail(image, reason(imageErr))
	}
	pix, maskSize, err := c.reader.ReadMask(mask, labelmap.MaxClasses)
	if err != nil {
		fail(mask, reason(err))
		return nil
	}
	if imageErr == nil && size != maskSize {
		fail(mask, fmt.Sprintf("mask %s: %v pixels (width×height), but its image %s has %v; they must be of one size: was one of them resized?", infile.Shown(mask), maskSize, infile.Shown(image), size))
	}
	f.H, f.W = maskSize.H, maskSize.W
	at := 0
	for k, v := range pix {
		if int(v) > c.opt.Classes && v != labelmap.Ignore && int(v) > f.Above {
			f.Above, at = int(v), k
		}
	}
	if f.Above > 0 {
		_, width := maskSize.Read()
		fail(mask, fmt.Sprintf("mask %s: value %d at column %d, row %d, expected a class 0..%d or 255 (ignore)", infile.Shown(mask), f.Above, at%width, at/width, c.opt.Classes))
	}
	if len(f.Problems) > 0 {
		return nil
	}
	return pix
}

// reason is an error as a line; a file that is not there needs fewer words.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) && errors.Is(err, fs.ErrNotExist) {
		return infile.Shown(path.Path) + ": no such file"
	}
	return err.Error()
}
