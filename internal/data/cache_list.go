package data

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hdmnet/internal/infile"
	"hdmnet/internal/textfile"
)

// ClassList is a cache of the release, sub_class_file_list_F.txt: for every class of one
// side of a fold the pairs that may be its supports, in the order they are drawn from. It
// belongs to data_list_F.txt, the list of the queries, which OpenList reads like any list.
type ClassList map[int][]ListEntry

// ReadClassList reads a file as parseClassList does.
func ReadClassList(path string) (ClassList, error) {
	f, err := infile.Open(path, textfile.Limit)
	if err != nil {
		return nil, fmt.Errorf("class list: %w", err)
	}
	defer f.Close()
	return parseClassList(f, path)
}

// ClassListOf is the class list that belongs to a list by the names the release gives them,
// sub_class_file_list_F.txt beside data_list_F.txt; "" when there is none.
func ClassListOf(list string) string {
	dir, file := filepath.Split(list)
	rest, ok := strings.CutPrefix(file, "data_list_")
	if !ok {
		return ""
	}
	path := filepath.Join(dir, "sub_class_file_list_"+rest)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// BuildCachedIndex is BuildIndex as the release does it from its caches: every entry of
// the list is a query, in its order, and the supports of a class are those of the class
// list, in its order; opt.MinArea and opt.FilterIntersection decide nothing. The masks
// still say which classes a query shows, so each is read once.
//
// other is the number of (image, class) pairs in which BuildIndex, by the masks that are
// here, would decide otherwise. Above 0 the masks or the rules are not those that the
// caches were made with.
//
// Errors: those of BuildIndex; classes that are not those of the fold's split; a support
// that is not in the list, or listed twice; a mask that does not show the class it is
// listed for, or a query's that shows no class of the split. name stands for the class
// list in messages.
func BuildCachedIndex(ctx context.Context, src *ListSource, classes ClassList, name string, fold Fold, opt IndexOptions) (ix *Index, other int, err error) {
	var listed []int
	for c := range classes {
		listed = append(listed, c)
	}
	slices.Sort(listed)
	if !slices.Equal(listed, fold.Classes(opt.Split)) {
		return nil, 0, fmt.Errorf("%s: it lists the classes %v, expected those of fold %d, %s: %v; choose the files of this fold, made for this side of it",
			name, listed, fold.Index, opt.Split, fold.Classes(opt.Split))
	}
	place := map[[2]string]int{}
	for i, e := range src.Entries() {
		place[[2]string{e.Image, e.Mask}] = i
	}
	areas, err := opt.count(ctx, src)
	if err != nil {
		return nil, 0, err
	}
	ix = &Index{Fold: fold, Split: opt.Split, MinArea: opt.MinArea, ByClass: map[int][]int{}}
	for i, shown := range areas {
		var present []int
		for _, a := range shown {
			if _, ok := classes[a.Class]; ok {
				present = append(present, a.Class)
			}
		}
		if len(present) == 0 {
			return nil, 0, fmt.Errorf("%s: it shows none of the classes %v; was the list made from other masks, or for another fold?",
				src.path(src.Entries()[i].Mask), listed)
		}
		ix.Images = append(ix.Images, i)
		ix.Present = append(ix.Present, present)
	}
	byMasks := areas.Index(fold, opt)
	for _, c := range listed {
		images, err := supports(src, areas, place, c, classes[c], name)
		if err != nil {
			return nil, 0, err
		}
		ix.ByClass[c] = images
		other += differing(images, byMasks.ByClass[c])
	}
	return ix, other, nil
}

// supports are the places of a class's pairs in the list.
func supports(src *ListSource, areas Areas, place map[[2]string]int, class int, pairs []ListEntry, name string) ([]int, error) {
	images := make([]int, 0, len(pairs))
	seen := map[int]bool{}
	for _, e := range pairs {
		i, ok := place[[2]string{e.Image, e.Mask}]
		if !ok {
			return nil, fmt.Errorf("%s: class %d: %s %s is not in the list; %s", name, class, e.Image, e.Mask, src.whyNotListed(e.Image))
		}
		if seen[i] {
			return nil, fmt.Errorf("%s: class %d: %s is there twice; remove one of them, or it could be two supports of one episode", name, class, e.Image)
		}
		seen[i] = true
		if !slices.ContainsFunc(areas[i], func(a ClassArea) bool { return a.Class == class }) {
			return nil, fmt.Errorf("%s: it does not show class %d, for which %s lists it; was that file made from other masks?", src.path(e.Mask), class, name)
		}
		images = append(images, i)
	}
	return images, nil
}

// whyNotListed says what to do about a picture of a class list that the list lacks: one of
// the two files may have lost the prefix that OpenList asks to remove.
func (s *ListSource) whyNotListed(image string) string {
	for _, e := range s.entries {
		if prefix, ok := strings.CutSuffix(image, "/"+e.Image); ok {
			return fmt.Sprintf("the list has it without %q: remove that from every path in the class list", prefix+"/")
		}
	}
	return "do data_list and sub_class_file_list belong together?"
}

// differing is the number of entries that only one of two lists has.
func differing(a, b []int) int {
	count := map[int]int{}
	for _, i := range a {
		count[i]++
	}
	for _, i := range b {
		count[i]--
	}
	n := 0
	for _, d := range count {
		if d != 0 {
			n++
		}
	}
	return n
}
