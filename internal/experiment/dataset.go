package experiment

import (
	"context"
	"fmt"
	"path/filepath"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/verify"
)

// Dataset is one fold of the configured data set.
type Dataset struct {
	Fold  data.Fold
	c     *config.Dataset
	entry entry
	link  dist.Link // of the processes that read masks together
}

// Pictures are one part of a fold: what can be read, and which of it makes episodes.
type Pictures struct {
	Source data.Source
	Index  *data.Index // for the meta stage and evaluation; the base stage takes all pictures
	// Resizer brings them to the input of EpisodeLoader in a way of its own; nil: as networks are trained.
	Resizer data.Resizer
}

// Folds is the number of folds of the configured data set.
func Folds(c *config.Dataset) (int, error) {
	e, err := lookUp(c)
	if err != nil {
		return 0, err
	}
	return e.folds(c)
}

// Open returns a fold, 0 ≤ fold < Folds, of the configured data set. One that does not
// exist is a *SettingError; a custom set's class file that cannot be read is the error of
// reading it.
func Open(c *config.Dataset, fold int) (*Dataset, error) {
	e, err := lookUp(c)
	if err != nil {
		return nil, err
	}
	if _, err := e.folds(c); err != nil {
		return nil, err
	}
	f, err := e.fold(c, fold)
	if err != nil {
		return nil, &SettingError{err}
	}
	return &Dataset{Fold: f, c: c, entry: e, link: dist.Solo{}}, nil
}

// InMemory tells that the data set is made on the fly: there are no files to check.
func InMemory(c *config.Dataset) bool { return registry[c.Name].inMemory }

// Published are the published counts of the configured data set, nil where there are none.
func Published(c *config.Dataset) *verify.Published {
	if p := registry[c.Name].published; p != nil {
		return p(c)
	}
	return nil
}

// Source opens the pictures of one part of the fold. m is told what is odd about the files,
// whenever they are read.
func (d *Dataset) Source(split data.Split, m Monitor) (data.SizedSource, error) {
	return d.entry.open(d.c, d.Fold, split, m)
}

// Index finds, by reading the masks, the pictures of src that make episodes. Where src is
// a list data_list_F.txt with the release's sub_class_file_list_F.txt beside it, that file
// decides.
func (d *Dataset) Index(ctx context.Context, src data.Source, split data.Split, m Monitor) (*data.Index, error) {
	opt := data.IndexOptions{
		Split: split, MinArea: d.c.MinArea, FilterIntersection: d.c.FilterIntersection,
		Progress: m.progress(fmt.Sprintf("reading %s masks", split), "masks"), Count: d.countTogether,
	}
	list, ok := src.(*data.ListSource)
	if !ok {
		return data.BuildIndex(ctx, src, d.Fold, opt)
	}
	path := data.ClassListOf(list.List())
	if path == "" {
		return data.BuildIndex(ctx, src, d.Fold, opt)
	}
	classes, err := data.ReadClassList(path)
	if err != nil {
		return nil, err
	}
	m.note("the episodes' supports are those of %s; the least area and the filter of the settings decide nothing", path)
	index, other, err := data.BuildCachedIndex(ctx, list, classes, path, d.Fold, opt)
	if other > 0 {
		m.warn("%s: the masks here would decide otherwise about %d (picture, class) pairs: they, or the rules, are not those that the file was made with", path, other)
	}
	return index, err
}

// GFSSIndex finds the pictures of src for generalized few-shot evaluation: every picture
// is a query in turn.
func (d *Dataset) GFSSIndex(ctx context.Context, src data.Source, m Monitor) (*data.Index, error) {
	return data.BuildGFSSIndex(ctx, src, d.Fold, data.IndexOptions{Progress: m.progress("reading val masks", "masks"), Count: d.countTogether})
}

// IndexTraining finds the pictures of both parts that a run of the configured stages needs:
// train gets its index without classes that have too few pictures for an episode, with a
// warning; val, which may be nil, as Usable says.
func (d *Dataset) IndexTraining(ctx context.Context, c *config.Config, train, val *Pictures, m Monitor) error {
	var err error
	if train.Index, err = d.Index(ctx, train.Source, data.Train, m); err != nil {
		return err
	}
	_, shots, err := c.TrainingShots()
	if err != nil {
		return err
	}
	meta := c.Train.Stage != "base"
	if meta {
		if train.Index, err = d.Usable(train.Index, shots, m); err != nil {
			return err
		}
	}
	if val == nil {
		return nil
	}
	if val.Index, err = d.Index(ctx, val.Source, data.Val, m); err != nil {
		return err
	}
	if meta && c.Train.Meta.ValidateEvery > 0 {
		if val.Index, err = d.Usable(val.Index, c.Model.Shots, m); err != nil {
			return fmt.Errorf("validation: %w; or train without validation: --set train.meta.validate_every=0", err)
		}
	}
	return nil
}

// ListName says which pictures a configuration scores on: the list's file name, or the
// scenes of a set that is made on the fly.
func ListName(c *config.Dataset) string {
	if InMemory(c) {
		return fmt.Sprintf("%s: seed %d, %d scenes of %d×%d", c.Name, c.SynthSeed, c.SynthVal, c.SynthSize, c.SynthSize)
	}
	return filepath.Base(c.ValList)
}
