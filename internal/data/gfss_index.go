package data

import (
	"context"
	"slices"
)

// BuildGFSSIndex reads every mask of a source and makes the index of generalized
// few-shot episodes, drawn as BAM's GSemData draws them:
//
//   - every image that shows a class is a query, in the order of the list;
//   - where a base class shows, the episode's class is any of the fold's novel classes,
//     shown or not; elsewhere it is one of the novel classes that show;
//   - a class's supports are all images that show it, however small.
//
// An image of nothing but background, at which BAM stops, is left out. Of opt only
// Workers, Progress and Count matter: the split is Val and the least area one pixel. Errors as
// BuildIndex.
func BuildGFSSIndex(ctx context.Context, src Source, fold Fold, opt IndexOptions) (*Index, error) {
	masks, err := opt.count(ctx, src)
	if err != nil {
		return nil, err
	}
	ix := &Index{Fold: fold, Split: Val, MinArea: 1, ByClass: map[int][]int{}}
	for _, c := range fold.Novel {
		ix.ByClass[c] = []int{}
	}
	for i, areas := range masks {
		var novel []int
		base := false
		for _, a := range areas {
			if slices.Contains(fold.Novel, a.Class) {
				novel = append(novel, a.Class)
				ix.ByClass[a.Class] = append(ix.ByClass[a.Class], i)
			} else {
				base = true
			}
		}
		if base {
			novel = fold.Novel
		}
		if len(novel) > 0 {
			ix.Images = append(ix.Images, i)
			ix.Present = append(ix.Present, novel)
		}
	}
	return ix, nil
}
