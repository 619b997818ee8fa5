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

// openFold returns fold f of the configured data set; one that does not exist is a
// usage error.
func openFold(c *config.Dataset, f int) (data.Fold, error) {
	var fold data.Fold
	var err error
	switch c.Name {
	case "pascal5i":
		fold, err = data.PASCAL5i(f)
	case "coco20i":
		fold, err = data.COCO20i(f, c.FoldScheme)
	case "custom":
		names, folds, err := customFolds(c)
		if err != nil {
			return fold, err
		}
		if fold, err = data.CustomFold(names, folds, f); err != nil {
			return fold, &usageError{err}
		}
		return fold, nil
	default:
		fold, err = data.Shapes5i(f)
	}
	if err != nil {
		return fold, &usageError{err}
	}
	return fold, nil
}

// foldCount is the number of folds of the configured data set.
func foldCount(c *config.Dataset) (int, error) {
	if c.Name != "custom" {
		return 4, nil
	}
	_, folds, err := customFolds(c)
	return len(folds), err
}

// customFolds reads the classes of a custom set, and the novel classes of each fold.
func customFolds(c *config.Dataset) (names []string, folds [][]int, err error) {
	if c.Classes == "" {
		return nil, nil, usagef("a custom set needs its classes: set dataset.classes to a file with one class name a line, line 1 being mask value 1")
	}
	path, err := find(c, c.Classes)
	if err != nil {
		return nil, nil, err
	}
	if names, err = data.ReadClasses(path); err != nil {
		return nil, nil, notFound(c, "dataset.classes", err)
	}
	if c.FoldList != "" {
		if path, err = find(c, c.FoldList); err != nil {
			return nil, nil, err
		}
		folds, err = data.ReadFoldList(path, names)
		return names, folds, notFound(c, "dataset.fold_list", err)
	}
	if folds, err = data.BlockFolds(len(names)-1, c.Folds); err != nil {
		return nil, nil, usagef("dataset.folds: %w", err)
	}
	return names, folds, nil
}

// notFound adds to the error about a missing file where it was looked for.
func notFound(c *config.Dataset, key string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%w; it is neither here nor under the data root %q: check --data-root, or set %s", err, c.Root, key)
}

// openSource opens the pictures of one side of a fold.
func openSource(c *config.Dataset, fold data.Fold, split data.Split) (data.SizedSource, error) {
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
	path, err := find(c, list)
	if err != nil {
		return nil, err
	}
	src, err := data.OpenList(path, c.Root, len(fold.Base)+len(fold.Novel))
	if _, missing := os.Stat(path); errors.Is(missing, fs.ErrNotExist) {
		return nil, notFound(c, key, err)
	}
	return src, err
}

// find is the path of a file of the data set: as given, or under the data root when it
// is only there; as given when it is nowhere. A name without a folder that means one file
// here and another under the data root is a usage error.
func find(c *config.Dataset, path string) (string, error) {
	if path == "" || filepath.IsAbs(path) {
		return path, nil
	}
	under := filepath.Join(c.Root, path)
	there, err := os.Stat(under)
	if err != nil {
		return path, nil
	}
	here, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return under, nil
	case err == nil && !os.SameFile(here, there) && filepath.Base(path) == path:
		return "", usagef("%s is both here and under the data root: write .%c%s or %s", path, filepath.Separator, path, under)
	}
	return path, nil
}

// absolute makes the paths of the settings independent of the working directory, so that
// a run can be gone on with, and scored, from anywhere. A list or class file that is not
// found here is looked for under the data root; one that is nowhere stays as it is, for
// whoever needs it to complain.
func absolute(c *config.Config) error {
	for _, path := range []*string{&c.Dataset.Root, &c.Backbone.Weights, &c.Base.Weights} {
		if err := makeAbsolute(path); err != nil {
			return err
		}
	}
	if c.Dataset.Name == "shapes5i" {
		return nil // reads no list: openSource says so
	}
	for _, path := range []*string{&c.Dataset.TrainList, &c.Dataset.ValList, &c.Dataset.Classes, &c.Dataset.FoldList} {
		found, err := find(&c.Dataset, *path)
		if err != nil {
			return err
		}
		if _, err := os.Stat(found); err != nil {
			continue
		}
		*path = found
		if err := makeAbsolute(path); err != nil {
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
	opt := data.IndexOptions{
		Split: split, MinArea: c.MinArea, FilterIntersection: c.FilterIntersection,
		Progress: func(done, total int) { bar.update(done, total, "") },
	}
	if index, err := cachedIndex(ctx, io, src, fold, opt); index != nil || err != nil {
		return index, err
	}
	return data.BuildIndex(ctx, src, fold, opt)
}
