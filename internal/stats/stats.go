// Package stats describes the pictures of a data set: tables of what a list holds, and
// pictures of episodes.
package stats

import (
	"bytes"
	"context"
	"slices"

	"hdmnet/internal/data"
	"hdmnet/internal/labelmap"
)

// Pictures are what was found in a list, whatever the fold.
type Pictures struct {
	Areas   data.Areas
	Heights []int // of every picture, in pixels
	Widths  []int
	Pixels  int64 // of all masks together
	Ignored int64 // of them with value 255
}

// Read reads every mask of a source, `workers` at once (0 means GOMAXPROCS). progress is
// called after every mask, from one goroutine at a time; nil means silent. Errors as
// data.CountAreas.
func Read(ctx context.Context, src data.SizedSource, workers int, progress func(done, total int)) (*Pictures, error) {
	n := src.Len()
	r := &reader{SizedSource: src, heights: make([]int, n), widths: make([]int, n), ignored: make([]int, n)}
	areas, err := data.CountAreas(ctx, r, workers, progress)
	if err != nil {
		return nil, err
	}
	p := &Pictures{Areas: areas, Heights: r.heights, Widths: r.widths}
	for i := range n {
		p.Pixels += int64(r.heights[i]) * int64(r.widths[i])
		p.Ignored += int64(r.ignored[i])
	}
	return p, nil
}

// reader notes sizes and ignored pixels of the masks that pass through. Every place is
// written by the goroutine that reads the mask.
type reader struct {
	data.SizedSource
	heights, widths, ignored []int
}

func (r *reader) LoadMask(i int) (mask []uint8, err error) {
	if mask, err = r.SizedSource.LoadMask(i); err != nil {
		return nil, err
	}
	r.ignored[i] = bytes.Count(mask, []byte{labelmap.Ignore})
	r.heights[i], r.widths[i], err = r.Size(i)
	return mask, err
}

// Range is the least, the middle and the greatest of some numbers.
type Range struct{ Min, Median, Max int }

func newRange(values []int) Range {
	if len(values) == 0 {
		return Range{}
	}
	sorted := slices.Sorted(slices.Values(values))
	return Range{sorted[0], sorted[len(sorted)/2], sorted[len(sorted)-1]}
}

// Side describes one side of a fold.
type Side struct {
	Split      data.Split
	Index      *data.Index
	Pictures   int // of the list
	Queries    int // pictures that can be a query
	Pairs      int // (image, class) pairs: supports of all classes together
	Height     Range
	Width      Range
	Background float64 // share of all pixels
	Ignored    float64 // share of all pixels
	Classes    []Class // all of the data set, ascending
}

// Class describes a class on one side of a fold.
type Class struct {
	ID    int
	Name  string
	Novel bool
	Shown int     // pictures of the list that show it
	Large int     // of them, those where it covers the least area
	Share float64 // of all pixels
	// Supports are the pictures that episodes draw; −1 where the side has no episodes of
	// the class: novel classes in training, base classes in validation.
	Supports int
}

// Side describes one side of a fold under the rules of opt (Split, MinArea and
// FilterIntersection).
func (p *Pictures) Side(fold data.Fold, opt data.IndexOptions) *Side {
	s := &Side{
		Split: opt.Split, Index: p.Areas.Index(fold, opt), Pictures: len(p.Areas),
		Height: newRange(p.Heights), Width: newRange(p.Widths),
	}
	s.Queries = len(s.Index.Images)
	n := fold.ClassCount()
	s.Classes = make([]Class, n)
	pixels := make([]int64, labelmap.MaxClasses+1)
	for c := 1; c <= n; c++ {
		s.Classes[c-1] = Class{ID: c, Name: fold.ClassName(c), Novel: slices.Contains(fold.Novel, c), Supports: -1}
	}
	for _, shown := range p.Areas {
		for _, a := range shown {
			class := &s.Classes[a.Class-1]
			class.Shown++
			if a.Pixels >= opt.MinArea {
				class.Large++
			}
			pixels[a.Class] += int64(a.Pixels)
		}
	}
	for c, images := range s.Index.ByClass {
		s.Classes[c-1].Supports = len(images)
		s.Pairs += len(images)
	}
	if p.Pixels > 0 {
		rest := p.Pixels - p.Ignored
		for i := range s.Classes {
			s.Classes[i].Share = float64(pixels[i+1]) / float64(p.Pixels)
			rest -= pixels[i+1]
		}
		s.Ignored = float64(p.Ignored) / float64(p.Pixels)
		s.Background = float64(rest) / float64(p.Pixels)
	}
	return s
}
