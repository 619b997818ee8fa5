package main

import (
	"context"
	"fmt"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
)

// folds is the number of folds of every data set.
const folds = 4

// openFold returns fold f of the configured data set; one that does not exist is a
// usage error.
func openFold(c *config.Dataset, f int) (data.Fold, error) {
	var fold data.Fold
	var err error
	switch c.Name {
	case "pascal5i":
		fold, err = data.PASCAL5i(f)
	case "coco20i":
		fold, err = data.COCO20i(f, c.Split)
	default:
		fold, err = data.Shapes5i(f)
	}
	if err != nil {
		return fold, &usageError{err}
	}
	return fold, nil
}

// openSource opens the pictures of one side of a fold.
func openSource(c *config.Dataset, fold data.Fold, split data.Split) (data.Source, error) {
	list, key, count := c.TrainList, "dataset.train_list", c.SynthTrain
	if split == data.Val {
		list, key, count = c.ValList, "dataset.val_list", c.SynthVal
	}
	if c.Name == "shapes5i" {
		if c.Root != "" || c.TrainList != "" || c.ValList != "" {
			return nil, usagef("shapes5i is made on the fly and reads no files, but a data root or a list is given; " +
				"choose another configuration with --config, for instance pascal5i_resnet50")
		}
		return data.NewShapes(data.ShapesOptions{
			Fold: fold, Split: split, Seed: uint64(c.SynthSeed), Count: count, Size: c.SynthSize,
		})
	}
	if list == "" {
		return nil, usagef("%s needs its pictures: give --data-root DIR and --list FILE (lines of `image mask` relative to DIR), or set %s", c.Name, key)
	}
	return data.OpenList(list, c.Root, len(fold.Base)+len(fold.Novel))
}

// buildIndex finds the pictures that make episodes of one side of a fold.
func buildIndex(ctx context.Context, io Streams, c *config.Dataset, src data.Source, fold data.Fold, split data.Split) (*data.Index, error) {
	bar := newProgress(io, fmt.Sprintf("reading %s masks", split), "masks")
	defer bar.finish()
	return data.BuildIndex(ctx, src, fold, data.IndexOptions{
		Split: split, MinArea: c.MinArea, FilterIntersection: c.FilterIntersection,
		Progress: func(done, total int) { bar.update(done, total, "") },
	})
}
