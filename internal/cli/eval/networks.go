package eval

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
	"hdmnet/internal/experiment"
	"hdmnet/internal/run"
	"hdmnet/internal/train"
)

// networks finds what to score: one network, or one per fold. Their fold is known.
func (o *options) networks(io ui.Streams) ([]*experiment.Trained, error) {
	wanted := -1
	if o.fold != "" && o.fold != "all" {
		var err error
		if wanted, err = strconv.Atoi(o.fold); err != nil || wanted < 0 {
			return nil, ui.Usagef("fold %s does not exist: choose a number from 0, or all", o.fold)
		}
	}
	switch {
	case len(o.runs) > 0 && o.weights != "":
		return nil, ui.Usagef("give --run or --weights, not both")
	case len(o.runs) > 1 && o.fold != "all":
		return nil, ui.Usagef("%d runs are given: several are for --fold all, one per fold", len(o.runs))
	case o.fold == "all" && len(o.runs) == 0 && o.method == flags.MethodHDMNet:
		return nil, ui.Usagef("--fold all needs one run per fold, since a network must not be scored on classes it was trained on: " +
			"give the folder of `hdmnet train --fold all`, or --run once for each, trained with --fold 0, --fold 1, …")
	case o.weights == "" && o.key != "":
		return nil, ui.Usagef("--key goes with --weights; a run has one network")
	case o.weights == "" && o.config != "":
		return nil, ui.Usagef("--config goes with --weights; a run has its own settings. To score it on a set of your own give --data-root DIR --classes FILE")
	}
	options, err := o.Options(io)
	if err != nil {
		return nil, err
	}
	options.Config = o.config
	o.ownSet(&options)
	if err := o.read(io, &options, o.fold); err != nil {
		return nil, err
	}
	if o.file != nil {
		fold := o.file.Header.Fold
		if wanted >= 0 && wanted != fold {
			return nil, ui.Usagef("%s holds episodes of fold %d, but --fold asks for %d; leave --fold out", o.path, fold, wanted)
		}
		wanted = fold
	}
	if o.method != flags.MethodHDMNet {
		return o.encoders(options, wanted)
	}
	runs := o.runs
	if o.fold == "all" && len(runs) == 1 {
		if folds := run.FoldsOf(runs[0]); len(folds) > 0 {
			runs = folds
		}
	}
	if len(runs) == 0 && o.weights == "" {
		newest, err := run.Newest(run.Parent)
		if err != nil {
			return nil, fmt.Errorf("%w with --run DIR or --weights FILE", err)
		}
		io.Note("run: %s, the newest one", newest)
		runs = []string{newest}
	}
	if o.weights != "" {
		runs = []string{""}
	}
	monitor, _ := flags.Monitor(io)
	var out []*experiment.Trained
	for _, dir := range runs {
		source := experiment.Source{
			Run: dir, File: flags.WithKey(o.weights, o.key), OnlyBase: o.untrained || o.stage == train.Base, NewClasses: o.classes != "",
		}
		t, err := experiment.OpenTrained(source, options, monitor)
		if err != nil {
			return nil, err
		}
		if _, err := flags.Views(t.Config); err != nil {
			return nil, err
		}
		if err := o.adopt(t.Config); err != nil {
			return nil, err
		}
		if wanted >= 0 {
			if _, err := experiment.Open(&t.Dataset, wanted); err != nil {
				return nil, err
			}
		}
		if err := t.Settle(wanted, monitor); err != nil {
			return nil, err
		}
		if err := o.checkOwn(t); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, o.oneEach(out)
}

// oneEach puts the networks of --fold all in the order of their folds, of which each
// must be there, and all alike.
func (o *options) oneEach(networks []*experiment.Trained) error {
	if o.fold != "all" {
		return nil
	}
	folds, err := experiment.Folds(&networks[0].Dataset)
	if err != nil {
		return err
	}
	if len(networks) != folds {
		return ui.Usagef("--fold all needs one run per fold: give --run %d times (got %d), trained with --fold 0 … %d", folds, len(networks), folds-1)
	}
	slices.SortStableFunc(networks, func(a, b *experiment.Trained) int { return a.Fold - b.Fold })
	for f, t := range networks {
		if t.Fold != f {
			return ui.Usagef("--fold all needs one run of each fold 0 … %d: %s is of fold %d", folds-1, t.Run, t.Fold)
		}
		a, b := networks[0], t
		if a.Dataset.Name != b.Dataset.Name || a.Model.Backbone != b.Model.Backbone || a.Eval.Episodes != b.Eval.Episodes ||
			a.Model.Shots != b.Model.Shots || a.Dataset.Annotation != b.Dataset.Annotation || !slices.Equal(a.Eval.Seeds, b.Eval.Seeds) {
			return errors.New("the runs cannot be averaged: " + a.Run + " and " + b.Run +
				" differ in data set, backbone, shots, annotation, episodes or seeds; give --shots, --ann-type, --episodes and --seeds, or runs of one configuration")
		}
	}
	return nil
}

// ownSet makes the settings those of a set of one's own whose classes are in the file of
// --classes: nothing of the data set that the network was trained on holds for it.
func (o *options) ownSet(s *config.Options) {
	if o.classes == "" {
		return
	}
	for key, value := range map[string]any{
		"dataset.name": "custom", "dataset.classes": o.classes, "dataset.root": "", "dataset.val_list": "list.txt", "dataset.fold_list": "",
	} {
		if o.Source(key) == "" {
			s.Overrides[key] = value
		}
	}
}

// checkOwn refuses what a set without base classes has no answer to.
func (o *options) checkOwn(t *experiment.Trained) error {
	switch {
	case !t.Own():
		return nil
	case o.fold == "all":
		return ui.Usagef("--fold all is for networks that were trained on the folds of the set; this set has none of the network's base classes: leave it out")
	case o.gfss.on, o.stage == train.Base:
		return ui.Usagef("%s was not trained on classes of this set, so there are no base classes to score: leave --gfss and --stage out", t.Path)
	}
	return nil
}

// adopt checks the settings of what is scored, and puts the flags into them.
func (o *options) adopt(c *config.Config) error {
	if err := flags.CheckFoldScheme(o.Settings, c); err != nil {
		return err
	}
	if _, err := flags.Refinement(c); err != nil {
		return err
	}
	if err := o.apply(c); err != nil {
		return err
	}
	return experiment.Absolute(c)
}
