package data

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// FieldMinArea is the number of pixels a class must cover in the full-size mask
// for an (image, class) pair to count in PASCAL-5i and COCO-20i: 2·32·32.
const FieldMinArea = 2048

// IndexOptions are the rules by which BuildIndex accepts images.
type IndexOptions struct {
	Split   Split
	MinArea int // pixels a class must cover, >= 1 is meant; FieldMinArea for photographs, shapesMinArea for shapes5i
	// FilterIntersection drops every training image that shows any class outside
	// the fold's base classes, however small. Without it such an image stays,
	// its novel objects being background. It has no effect on Val.
	FilterIntersection bool
	Workers            int                   // masks read at once; 0 means GOMAXPROCS
	Progress           func(done, total int) // called after every image, from one goroutine at a time; nil means silent
	Count              AreaCounter           // how masks are read and counted; nil means CountAreas
}

// AreaCounter does what CountAreas does.
type AreaCounter func(ctx context.Context, src Source, workers int, progress func(done, total int)) (Areas, error)

func (opt *IndexOptions) count(ctx context.Context, src Source) (Areas, error) {
	if opt.Count == nil {
		return CountAreas(ctx, src, opt.Workers, opt.Progress)
	}
	return opt.Count(ctx, src, opt.Workers, opt.Progress)
}

// Index says which (image, class) pairs of a source make episodes.
type Index struct {
	Fold    Fold
	Split   Split
	MinArea int
	// Images are the source's entries that can be a query: those where some class
	// of the split covers MinArea pixels. In the order of the list.
	Images []int
	// ByClass gives, for every class of the split, the images in which it covers
	// MinArea pixels, in the order of the list: its supports.
	ByClass map[int][]int
	// Present gives, for every image in Images (same place), the split's classes
	// that it shows, small ones too, ascending: what a query's class is drawn from.
	Present [][]int
}

// BuildIndex reads every mask of the source and applies the field's rules: see
// IndexOptions. The result does not depend on Workers.
//
// Errors: an unreadable mask (the first one in list order), a canceled
// context. An index with no image at all is an error of Check, not of BuildIndex.
func BuildIndex(ctx context.Context, src Source, fold Fold, opt IndexOptions) (*Index, error) {
	areas, err := opt.count(ctx, src)
	if err != nil {
		return nil, err
	}
	return areas.Index(fold, opt), nil
}

// Index is BuildIndex over masks that are counted already; Workers, Progress and
// Count of opt say nothing here.
func (areas Areas) Index(fold Fold, opt IndexOptions) *Index {
	ix := &Index{Fold: fold, Split: opt.Split, MinArea: opt.MinArea, ByClass: map[int][]int{}}
	var inSplit [256]bool
	for _, c := range fold.Classes(opt.Split) {
		ix.ByClass[c] = []int{}
		inSplit[c] = true
	}
	for i, shown := range areas {
		var present, large []int
		foreign := false
		for _, a := range shown {
			switch {
			case !inSplit[a.Class]:
				foreign = true
			case a.Pixels >= opt.MinArea:
				large = append(large, a.Class)
				fallthrough
			default:
				present = append(present, a.Class)
			}
		}
		if len(large) == 0 || foreign && opt.FilterIntersection && opt.Split == Train {
			continue
		}
		ix.Images = append(ix.Images, i)
		ix.Present = append(ix.Present, present)
		for _, c := range large {
			ix.ByClass[c] = append(ix.ByClass[c], i)
		}
	}
	return ix
}

// AllImages is the index of the base stage: every image of the source is used,
// as in the release, whatever it shows. No mask is read.
func AllImages(src Source, fold Fold, split Split) *Index {
	ix := &Index{Fold: fold, Split: split, Images: make([]int, src.Len()), Present: make([][]int, src.Len())}
	for i := range ix.Images {
		ix.Images[i] = i
	}
	return ix
}

// Check fails when a class of the split has fewer than shots+1 images, one for
// the query and the others for its supports. All such classes are in one error.
func (ix *Index) Check(shots int) error {
	if len(ix.Images) == 0 {
		return fmt.Errorf("%v, %s: no image shows any of the classes %v with at least %d pixels; "+
			"check that the list and the masks belong to the data set %q",
			ix.Fold, ix.Split, ix.Fold.Classes(ix.Split), ix.MinArea, ix.Fold.Dataset)
	}
	scarce := ix.scarce(shots)
	if len(scarce) == 0 {
		return nil
	}
	return fmt.Errorf("%v, %s: too few images for %d-shot episodes, which need %d of each class (the query and its supports): %s; "+
		"use fewer shots, a longer list, or a smaller least area (now %d pixels)",
		ix.Fold, ix.Split, shots, shots+1, ix.describe(scarce), ix.MinArea)
}

// WithoutScarce is the index without the classes that have fewer than shots+1
// images, and those classes, ascending. Images that show no other class leave
// too. It is meant for training on a small list, where a rare base class may be
// left out; scores over fewer novel classes would not be comparable.
func (ix *Index) WithoutScarce(shots int) (*Index, []int) {
	scarce := ix.scarce(shots)
	if len(scarce) == 0 {
		return ix, nil
	}
	rest := &Index{Fold: ix.Fold, Split: ix.Split, MinArea: ix.MinArea, ByClass: map[int][]int{}}
	for c, images := range ix.ByClass {
		if !slices.Contains(scarce, c) {
			rest.ByClass[c] = images
		}
	}
	for k, image := range ix.Images {
		var present []int
		for _, c := range ix.Present[k] {
			if !slices.Contains(scarce, c) {
				present = append(present, c)
			}
		}
		if len(present) > 0 {
			rest.Images = append(rest.Images, image)
			rest.Present = append(rest.Present, present)
		}
	}
	return rest, scarce
}

// scarce are the index's classes with fewer than shots+1 images, ascending.
func (ix *Index) scarce(shots int) []int {
	var classes []int
	for c, images := range ix.ByClass {
		if len(images) < shots+1 {
			classes = append(classes, c)
		}
	}
	slices.Sort(classes)
	return classes
}

func (ix *Index) describe(classes []int) string {
	parts := make([]string, len(classes))
	for i, c := range classes {
		parts[i] = fmt.Sprintf("class %d (%s) has %d", c, ix.Fold.ClassName(c), len(ix.ByClass[c]))
	}
	return strings.Join(parts, ", ")
}
