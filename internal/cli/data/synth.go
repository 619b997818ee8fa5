package data

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	stdio "io"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/experiment"
	"hdmnet/internal/infile"
	"hdmnet/internal/prepare"
	"hdmnet/internal/textfile"
)

// synthConfig is the file of settings that `data synth` leaves beside the pictures.
const synthConfig = "config.yaml"

// synthOptions are the flags of `data synth`.
type synthOptions struct {
	*flags.Settings
	prepareFlags
	fold int
}

func newSynth(io ui.Streams) *cobra.Command {
	o := &synthOptions{}
	cmd := &cobra.Command{
		Use:   "synth",
		Short: "Write the synthetic data set shapes5i to files",
		Long: `Write the synthetic data set shapes5i to files, as a custom data set: to look at it, to try
tools on it, or as a pattern for your own data set.

  JPEGImages/            pictures, as PNG, so that no pixel changes
  SegmentationClassAug/  masks: palette PNG, index = class
  train.txt, val.txt     lists of pictures and masks
  classes.txt            names of the classes
  ` + synthConfig + `            settings for training and scoring

The training pictures show only base classes of one fold (--fold), so use the files with that
fold. Results are bit for bit those of shapes5i without files.`,
		Example: `  hdmnet data synth --out shapes --train 300 --val 60
  hdmnet train --config shapes/` + synthConfig + ` --fold 0`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSynth(cmd.Context(), io, o) },
	}
	o.Settings = flags.NewSettings(cmd)
	o.prepareFlags.add(cmd, "")
	f := cmd.Flags()
	f.IntVar(&o.fold, "fold", 0, "fold 0 to 3 whose base classes the training pictures show")
	f.Int("train", 0, "pictures to train on (default 3000)")
	f.Int("val", 0, "pictures to validate and score on (default 200)")
	f.Int("size", 0, "side of a picture in pixels (default 160)")
	f.Int("seed", 0, "seed of the pictures (default 1)")
	flags.SetGroup(cmd, flags.GroupData, "size", "seed")
	o.Bind("train", "dataset.synth_train")
	o.Bind("val", "dataset.synth_val")
	o.Bind("size", "dataset.synth_size")
	o.Bind("seed", "dataset.synth_seed")
	flags.Complete(cmd, "fold", "0", "1", "2", "3")
	return cmd
}

func runSynth(ctx context.Context, io ui.Streams, o *synthOptions) error {
	if o.out == "" {
		return ui.Usagef("no output folder is given; name one with --out DIR")
	}
	options, err := o.Settings.Options(io)
	if err != nil {
		return err
	}
	c, err := config.Load(options)
	if err != nil {
		return err
	}
	if c.Dataset.Name != config.Default {
		return ui.Usagef("dataset.name is %s, but only %s is synthetic; leave it out", c.Dataset.Name, config.Default)
	}
	set, err := experiment.Open(&c.Dataset, o.fold)
	if err != nil {
		return err
	}
	work := prepare.SynthOptions{
		Fold: set.Fold, Seed: uint64(c.Dataset.SynthSeed), Size: c.Dataset.SynthSize,
		Train: c.Dataset.SynthTrain, Val: c.Dataset.SynthVal,
	}
	settings, err := o.settings(c)
	if err != nil {
		return err
	}
	err = o.alone(io, nil, func(opt prepare.Options) (*prepare.Report, []string, error) {
		work.Options = opt
		report, err := prepare.Synth(ctx, work)
		return report, data.ClassNames(config.Default), err
	})
	if errors.Is(err, context.Canceled) {
		io.Warn("the same command goes on where this one stopped")
	}
	if err != nil {
		return err
	}
	path := filepath.Join(o.out, synthConfig)
	if err := atomicfile.Write(path, func(w stdio.Writer) error { _, err := w.Write(settings); return err }); err != nil {
		return err
	}
	_, err = fmt.Fprintf(io.Out, "train on it with `hdmnet train --config %s --fold %d`\n", path, o.fold)
	return err
}

// settings are the settings of shapes5i for the set on disk. A file of that name which
// holds anything else is kept.
func (o *synthOptions) settings(c *config.Config) ([]byte, error) {
	root, err := filepath.Abs(o.out)
	if err != nil {
		return nil, err
	}
	disk := *c
	d := &disk.Dataset
	d.Name, d.Root, d.Folds, d.FoldList = "custom", root, 4, ""
	d.TrainList, d.ValList, d.Classes = filepath.Join(root, "train.txt"), filepath.Join(root, "val.txt"), filepath.Join(root, "classes.txt")
	text, err := disk.YAML()
	if err != nil || o.force {
		return text, err
	}
	path := filepath.Join(o.out, synthConfig)
	there, err := infile.ReadFile(path, textfile.Limit)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && bytes.Equal(there, text):
		return text, nil
	case err != nil:
		return nil, err
	}
	return nil, ui.Usagef("%s is there already, with other settings; choose another output folder, or --force to replace it and make all again", path)
}
