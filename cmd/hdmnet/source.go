package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

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

// absolute makes the paths of the settings independent of the working directory, so that
// a run can be gone on with, and scored, from anywhere. A list that is not found here is
// looked for under the data root.
func absolute(c *config.Config) error {
	for _, path := range []*string{&c.Dataset.Root, &c.Backbone.Weights, &c.Base.Weights} {
		if err := makeAbsolute(path); err != nil {
			return err
		}
	}
	if c.Dataset.Name == "shapes5i" {
		return nil // reads no list: openSource says so
	}
	for _, list := range []*string{&c.Dataset.TrainList, &c.Dataset.ValList} {
		if _, err := os.Stat(*list); *list != "" && errors.Is(err, fs.ErrNotExist) && !filepath.IsAbs(*list) {
			under := filepath.Join(c.Dataset.Root, *list)
			if _, err := os.Stat(under); err != nil {
				return fmt.Errorf("list file %s: it is neither here nor under the data root %q; check --list and --data-root", *list, c.Dataset.Root)
			}
			*list = under
		}
		if err := makeAbsolute(list); err != nil {
			return err
		}
	}
	return nil
}

func makeAbsolute(path *string) (err error) {
	if *path != "" {
		*path, err = filepath.Abs(*path)
	}
	return err
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
