package experiment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/picture"
	"hdmnet/internal/verify"
)

// entry is what the program knows of one data set.
type entry struct {
	// folds is the number of folds.
	folds func(c *config.Dataset) (int, error)
	// fold is one of them.
	fold func(c *config.Dataset, f int) (data.Fold, error)
	// open opens the pictures of one part of a fold.
	open func(c *config.Dataset, fold data.Fold, split data.Split, m Monitor) (data.SizedSource, error)
	// inMemory tells that scenes are made as they are asked for: there are no files.
	inMemory bool
	// testEpisodes is how many episodes the release's test scores with each seed.
	testEpisodes int
	// published are the field's counts, which hold for masks of data.FieldMinArea pixels;
	// nil where there are none.
	published func(c *config.Dataset) *verify.Published
}

// registry holds the data sets by the values of dataset.name. A new one is a line here,
// its folds in package data, and its name in the valid tag of config.Dataset.
var registry = map[string]entry{
	"shapes5i": {folds: four, fold: shapesFold, open: openShapes, inMemory: true, testEpisodes: 1000},
	"pascal5i": {folds: four, fold: pascalFold, open: openList, testEpisodes: 1000, published: pascalCounts},
	"coco20i":  {folds: four, fold: cocoFold, open: openList, testEpisodes: 10000, published: cocoCounts},
	"custom":   {folds: customFoldCount, fold: customFold, open: openList, testEpisodes: 1000},
}

func lookUp(c *config.Dataset) (entry, error) {
	e, ok := registry[c.Name]
	if !ok {
		return e, settingf("dataset.name is %q, which is no data set that hdmnet knows", c.Name)
	}
	return e, nil
}

func four(*config.Dataset) (int, error) { return 4, nil }

func shapesFold(_ *config.Dataset, f int) (data.Fold, error) { return data.Shapes5i(f) }

func pascalFold(_ *config.Dataset, f int) (data.Fold, error) { return data.PASCAL5i(f) }

func cocoFold(c *config.Dataset, f int) (data.Fold, error) { return data.COCO20i(f, c.FoldScheme) }

func pascalCounts(*config.Dataset) *verify.Published { return &verify.PASCAL5i }

// cocoCounts are known for the folds of FWB alone.
func cocoCounts(c *config.Dataset) *verify.Published {
	if c.FoldScheme != "fwb" {
		return nil
	}
	return &verify.COCO20i
}

func customFoldCount(c *config.Dataset) (int, error) {
	names, err := customClasses(c)
	if err != nil {
		return 0, err
	}
	folds, err := customFolds(c, names)
	return len(folds), err
}

func customFold(c *config.Dataset, f int) (data.Fold, error) {
	names, err := customClasses(c)
	if err != nil {
		return data.Fold{}, err
	}
	folds, err := customFolds(c, names)
	if err != nil {
		return data.Fold{}, err
	}
	return data.CustomFold(names, folds, f)
}

// customClasses reads the classes of a custom set; the place is the class id.
func customClasses(c *config.Dataset) ([]string, error) {
	if c.Classes == "" {
		return nil, settingf("a custom set needs its classes: set dataset.classes to a file with one class name a line, line 1 being mask value 1")
	}
	path, err := FindFile(c, c.Classes)
	if err != nil {
		return nil, err
	}
	names, err := data.ReadClasses(path)
	return names, NotFound(c, "dataset.classes", err)
}

// customFolds are the novel classes of each fold of a custom set.
func customFolds(c *config.Dataset, names []string) ([][]int, error) {
	if c.FoldList != "" {
		path, err := FindFile(c, c.FoldList)
		if err != nil {
			return nil, err
		}
		folds, err := data.ReadFoldList(path, names)
		return folds, NotFound(c, "dataset.fold_list", err)
	}
	folds, err := data.BlockFolds(len(names)-1, c.Folds)
	if err != nil {
		return nil, settingf("dataset.folds: %w", err)
	}
	return folds, nil
}

func openShapes(c *config.Dataset, fold data.Fold, split data.Split, _ Monitor) (data.SizedSource, error) {
	if c.Root != "" || c.TrainList != "" || c.ValList != "" {
		return nil, settingf("%s is made on the fly and reads no files, but a data root or a list is given; "+
			"choose another configuration with --config, for instance pascal5i_resnet50", c.Name)
	}
	count := c.SynthTrain
	if split == data.Val {
		count = c.SynthVal
	}
	return data.NewShapes(data.ShapesOptions{Fold: fold, Split: split, Seed: uint64(c.SynthSeed), Count: count, Size: c.SynthSize})
}

func openList(c *config.Dataset, fold data.Fold, split data.Split, m Monitor) (data.SizedSource, error) {
	list, key := c.TrainList, "dataset.train_list"
	if split == data.Val {
		list, key = c.ValList, "dataset.val_list"
	}
	if list == "" && c.Root != "" {
		return nil, settingf("%s has no list of its pictures in %s: give --list FILE (lines of `image mask` relative to %s; `hdmnet data prepare` writes such lists), or set %s",
			c.Name, c.Root, c.Root, key)
	}
	if list == "" {
		return nil, settingf("%s needs its pictures: give --data-root DIR and --list FILE (lines of `image mask` relative to DIR), or set %s", c.Name, key)
	}
	path, err := FindFile(c, list)
	if err != nil {
		return nil, err
	}
	src, err := data.OpenList(path, c.Root, fold.ClassCount())
	if _, missing := os.Stat(path); errors.Is(missing, fs.ErrNotExist) {
		return nil, NotFound(c, key, err)
	}
	if err != nil {
		return nil, err
	}
	colors, err := MaskColors(c, fold)
	if err != nil {
		return nil, err
	}
	src.ReadWith(&picture.Reader{MaxPixels: c.MaxPixels, Colors: colors, Warn: m.fileWarnings()})
	return src, nil
}

// MaskColors are the colors of painted masks, with the classes' numbers in the data set of
// fold; nil where the settings name none.
func MaskColors(c *config.Dataset, fold data.Fold) (*picture.Table, error) {
	name := c.MaskColors
	if name == "" {
		return nil, nil
	}
	if !picture.IsTable(name) {
		var err error
		if name, err = FindFile(c, name); err != nil {
			return nil, err
		}
	}
	table, err := picture.ReadTable(name)
	if err != nil {
		return nil, NotFound(c, "dataset.mask_colors", err)
	}
	if table, err = table.Numbered(fold.Names); err != nil {
		return nil, &SettingError{fmt.Errorf("dataset.mask_colors: %w", err)}
	}
	return table, nil
}

// NotFound adds to the error about a missing file where it was looked for.
func NotFound(c *config.Dataset, key string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%w; it is neither here nor under the data root %q: check --data-root, or set %s", err, c.Root, key)
}
