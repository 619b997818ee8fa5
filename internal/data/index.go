package data

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// FieldMinArea is the number of pixels a class must cover in the full-size mask
// for an (image, class) pair to count in PASCAL-5i and COCO-20i: 2·32·32.
const FieldMinArea = 2048

// IndexOptions are the rules by which BuildIndex accepts images.
type IndexOptions struct {
	Split   Split
	MinArea int // pixels a class must cover, >= 1 is meant; FieldMinArea for photographs, ShapesMinArea for shapes5i
	// FilterIntersection drops every training image that shows any class outside
	// the fold's base classes, however small. Without it such an image stays,
	// its novel objects being background. It has no effect on Val.
	FilterIntersection bool
	Workers            int                   // masks read at once; 0 means GOMAXPROCS
	Progress           func(done, total int) // called after every image, from one goroutine at a time; nil means silent
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
// Errors: an unreadable mask (the first one in list order), a cancelled
// context. An index with no image at all is an error of Check, not of BuildIndex.
func BuildIndex(ctx context.Context, src Source, fold Fold, opt IndexOptions) (*Index, error) {
	masks, err := countAll(ctx, src, opt)
	if err != nil {
		return nil, err
	}
	ix := &Index{Fold: fold, Split: opt.Split, MinArea: opt.MinArea, ByClass: map[int][]int{}}
	classes := fold.Classes(opt.Split)
	for _, c := range classes {
		ix.ByClass[c] = []int{}
	}
	for i, areas := range masks {
		var present, large []int
		foreign := false
		for _, a := range areas {
			switch {
			case !slices.Contains(classes, a.class):
				foreign = true
			case a.pixels >= opt.MinArea:
				large = append(large, a.class)
				fallthrough
			default:
				present = append(present, a.class)
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
	return ix, nil
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

// area is a class that an image shows and the pixels it covers.
type area struct{ class, pixels int }

// countAll counts the pixels of every class but background and ignore in every mask.
func countAll(ctx context.Context, src Source, opt IndexOptions) ([][]area, error) {
	workers := opt.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	n := src.Len()
	masks := make([][]area, n)
	errs := make([]error, n)
	var (
		mu         sync.Mutex
		next, done int
		failed     bool
		wg         sync.WaitGroup
	)
	// Images are handed out in order, so when one fails all earlier ones were
	// taken too, and the first error in list order is the one reported.
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == n || failed || ctx.Err() != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	finish := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		done++
		failed = failed || err != nil
		if opt.Progress != nil {
			opt.Progress(done, n)
		}
	}
	for range min(workers, n) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i, ok := take(); ok; i, ok = take() {
				masks[i], errs[i] = count(src, i)
				finish(errs[i])
			}
		}()
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return masks, ctx.Err()
}

func count(src Source, i int) ([]area, error) {
	mask, err := loadMask(src, i)
	if err != nil {
		return nil, err
	}
	var histogram [256]int
	for _, v := range mask {
		histogram[v]++
	}
	var areas []area
	for c := 1; c < Ignore; c++ {
		if histogram[c] > 0 {
			areas = append(areas, area{c, histogram[c]})
		}
	}
	return areas, nil
}

func loadMask(src Source, i int) ([]uint8, error) {
	if m, ok := src.(MaskSource); ok {
		return m.LoadMask(i)
	}
	scene, err := src.Load(i)
	if err != nil {
		return nil, err
	}
	return scene.Mask, nil
}

// Check fails when a class of the split has fewer than shots+1 images, one for
// the query and the others for its supports. All such classes are in one error.
func (ix *Index) Check(shots int) error {
	if len(ix.Images) == 0 {
		return fmt.Errorf("fold %d, %s: no image shows any of the classes %v with at least %d pixels; "+
			"check that the list and the masks belong to the data set %q",
			ix.Fold.Index, ix.Split, ix.Fold.Classes(ix.Split), ix.MinArea, ix.Fold.Dataset)
	}
	scarce := ix.scarce(shots)
	if len(scarce) == 0 {
		return nil
	}
	return fmt.Errorf("fold %d, %s: too few images for %d-shot episodes, which need %d of each class (the query and its supports): %s; "+
		"use fewer shots, a longer list, or a smaller least area (now %d pixels)",
		ix.Fold.Index, ix.Split, shots, shots+1, ix.describe(scarce), ix.MinArea)
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
