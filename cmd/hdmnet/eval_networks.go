package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"hdmnet/internal/run"
	"hdmnet/internal/train"
)

// networks finds what to score: one network, or one per fold. Their fold is known.
func (o *evalOptions) networks(io Streams) ([]*trained, error) {
	wanted := -1
	if o.fold != "" && o.fold != "all" {
		var err error
		if wanted, err = strconv.Atoi(o.fold); err != nil || wanted < 0 {
			return nil, usagef("fold %s does not exist: choose a number from 0, or all", o.fold)
		}
	}
	switch {
	case len(o.runs) > 0 && o.weights != "":
		return nil, usagef("give --run or --weights, not both")
	case len(o.runs) > 1 && o.fold != "all":
		return nil, usagef("%d runs are given: several are for --fold all, one per fold", len(o.runs))
	case o.fold == "all" && len(o.runs) == 0:
		return nil, usagef("--fold all needs one run per fold, since a network must not be scored on classes it was trained on: " +
			"give --run once for each, trained with --fold 0, --fold 1, …")
	case o.weights == "" && o.config != "":
		return nil, usagef("--config goes with --weights; a run has its own settings")
	}
	options, err := o.options(io.Env)
	if err != nil {
		return nil, err
	}
	options.Config = o.config
	if err := o.read(&options, o.fold); err != nil {
		return nil, err
	}
	if o.file != nil {
		fold := o.file.Header.Fold
		if wanted >= 0 && wanted != fold {
			return nil, usagef("%s holds episodes of fold %d, but --fold asks for %d; leave --fold out", o.episodes, fold, wanted)
		}
		wanted = fold
	}
	runs := o.runs
	if len(runs) == 0 && o.weights == "" {
		newest, err := run.Newest(runsDir)
		if err != nil {
			return nil, fmt.Errorf("%w with --run DIR or --weights FILE", err)
		}
		fmt.Fprintf(io.Err, "run: %s, the newest one\n", newest)
		runs = []string{newest}
	}
	if o.weights != "" {
		runs = []string{""}
	}
	var out []*trained
	for _, dir := range runs {
		t, err := openTrained(dir, o.weights, o.untrained || o.stage == train.Base, options)
		if err != nil {
			return nil, err
		}
		if err := o.splitFits(t.Config); err != nil {
			return nil, err
		}
		if err := o.apply(t.Config); err != nil {
			return nil, err
		}
		if err := absolute(t.Config); err != nil {
			return nil, err
		}
		if wanted >= 0 {
			if _, err := openFold(&t.Dataset, wanted); err != nil {
				return nil, err
			}
		}
		if err := t.settle(wanted); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, o.oneEach(out)
}

// settle decides on the fold to score: the one the network was trained for, which must
// be the one wanted (−1: any).
func (t *trained) settle(wanted int) error {
	switch {
	case t.fold < 0 && wanted < 0:
		return usagef("%s does not say which fold it was trained for; give --fold", t.path)
	case t.fold >= 0 && wanted >= 0 && t.fold != wanted:
		return usagef("%s was trained for fold %d: the novel classes of fold %d are among those it was trained on; leave --fold out, or score a network of that fold",
			t.path, t.fold, wanted)
	case t.split != "" && t.Dataset.Name == "coco20i" && t.split != t.Dataset.FoldScheme:
		return usagef("%s was trained for the folds of split %s: novel classes of split %s are among those it was trained on; score it with --split %s",
			t.path, t.split, t.Dataset.FoldScheme, t.split)
	}
	t.fold = max(t.fold, wanted)
	return nil
}

// oneEach puts the networks of --fold all in the order of their folds, of which each
// must be there, and all alike.
func (o *evalOptions) oneEach(networks []*trained) error {
	if o.fold != "all" {
		return nil
	}
	folds, err := foldCount(&networks[0].Dataset)
	if err != nil {
		return err
	}
	if len(networks) != folds {
		return usagef("--fold all needs one run per fold: give --run %d times (got %d), trained with --fold 0 … %d", folds, len(networks), folds-1)
	}
	slices.SortStableFunc(networks, func(a, b *trained) int { return a.fold - b.fold })
	for f, t := range networks {
		if t.fold != f {
			return usagef("--fold all needs one run of each fold 0 … %d: %s is of fold %d", folds-1, t.run, t.fold)
		}
		a, b := networks[0], t
		if a.Dataset.Name != b.Dataset.Name || a.Model.Backbone != b.Model.Backbone || a.Eval.Episodes != b.Eval.Episodes ||
			a.Model.Shots != b.Model.Shots || a.Dataset.Annotation != b.Dataset.Annotation || !slices.Equal(a.Eval.Seeds, b.Eval.Seeds) {
			return errors.New("the runs cannot be averaged: " + a.run + " and " + b.run +
				" differ in data set, backbone, shots, annotation, episodes or seeds; give --shots, --ann-type, --episodes and --seeds, or runs of one configuration")
		}
	}
	return nil
}
