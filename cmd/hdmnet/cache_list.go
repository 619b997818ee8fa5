package main

import (
	"context"
	"fmt"

	"hdmnet/internal/data"
)

// cachedIndex is the index by the release's caches when src is a list data_list_F.txt with
// sub_class_file_list_F.txt beside it; else nil. It says so, and whether the masks agree.
func cachedIndex(ctx context.Context, io Streams, src data.Source, fold data.Fold, opt data.IndexOptions) (*data.Index, error) {
	list, ok := src.(*data.ListSource)
	if !ok {
		return nil, nil
	}
	path := data.ClassListOf(list.List())
	if path == "" {
		return nil, nil
	}
	classes, err := data.ReadClassList(path)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(io.Err, "hdmnet: the episodes' supports are those of %s; the least area and the filter of the settings decide nothing\n", path)
	index, other, err := data.BuildCachedIndex(ctx, list, classes, path, fold, opt)
	if other > 0 {
		io.warn("%s: the masks here would decide otherwise about %d (picture, class) pairs: they, or the rules, are not those that the file was made with", path, other)
	}
	return index, err
}
