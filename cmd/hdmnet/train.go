package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/run"
	"hdmnet/internal/train"
)

// trainOptions are the flags of `train`.
type trainOptions struct {
	*settings
	fold   int
	config string
	out    string
	resume bool
}

func newTrain(io Streams) *cobra.Command {
	o := &trainOptions{}
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train the base learner and HDMNet on a fold",
		Long: `Train on the base classes of a fold: first the base learner (stage base), then HDMNet
with the base learner frozen (stage meta).

A run directory holds config.yaml (every setting, resolved), metrics.jsonl, log,
curves.png, checkpoints/, base.safetensors and best.safetensors. Interrupted or killed,
a run goes on with the same command and --resume, and ends with the same bits as if it
had never stopped.`,
		Example: `  hdmnet train --fold 0 --out runs/first
  hdmnet train --fold 0 --out runs/first --resume
  hdmnet train --fold 1 --config pascal5i_resnet50 --data-root VOC2012 \
      --train-list train.txt --val-list val.txt --set backbone.weights=resnet50_v2.pth
  hdmnet train --fold 1 --config pascal5i_resnet50 --data-root mini --list list.txt --stage meta
  hdmnet train --fold 0 --config coco20i_resnet50 --split panet --data-root COCO --filter-intersection=false \
      --train-list train.txt --val-list val.txt
  hdmnet train --fold 1 --config mine.yaml --stage meta --shots 5 --set base.weights=base.safetensors`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runTrain(cmd.Context(), io, o) },
	}
	o.settings = newSettings(cmd)
	f := cmd.Flags()
	f.IntVar(&o.fold, "fold", 0, "fold 0..3 (custom sets: 0 to their last): the classes that training must not see")
	f.StringVar(&o.config, "config", "", "an embedded configuration (hdmnet config list) or a YAML file (default "+config.Default+")")
	f.StringVar(&o.out, "out", "", "run directory `DIR` (default "+runsDir+"/CONFIG_foldF_TIME)")
	f.BoolVar(&o.resume, "resume", false, "go on with the run in --out")
	f.String("stage", "", "base, meta or all")
	f.Int("shots", 0, "supports per episode")
	f.Int("epochs", 0, "epochs of both stages, or of the one that --stage names")
	f.Int("seed", 0, "seed of everything random")
	addDeviceFlags(o.settings)
	f.String("split", "", "how COCO-20i's classes are split into folds: fwb or panet")
	f.Bool("filter-intersection", true, "leave training pictures out that show any novel class; papers differ")
	o.bind("split", "dataset.fold_scheme")
	o.bind("filter-intersection", "dataset.filter_intersection")
	f.String("ann-type", "", "how supports are marked: mask, or bbox (filled boxes of the mask's components)")
	o.bind("stage", "train.stage")
	o.bind("ann-type", "dataset.annotation")
	o.bind("shots", "model.shots")
	o.bind("seed", "train.seed")
	addListFlags(o.settings)
	completeConfig(cmd)
	complete(cmd, "fold", "0", "1", "2", "3")
	complete(cmd, "stage", train.Base, train.Meta, train.All)
	complete(cmd, "ann-type", data.AnnotationMask.String(), data.AnnotationBBox.String())
	complete(cmd, "split", "fwb", "panet")
	return cmd
}

func runTrain(ctx context.Context, io Streams, o *trainOptions) (err error) {
	switch {
	case !o.given("fold"):
		return usagef("no fold is given; choose one with --fold 0, 1, 2 or 3")
	case o.resume && o.out == "":
		return usagef("--resume needs --out: the directory of the run to go on with")
	}
	if err := checkListFlags(o.settings); err != nil {
		return err
	}
	c, err := o.load(io)
	if err != nil {
		return err
	}
	fold, err := openFold(&c.Dataset, o.fold)
	if err != nil {
		return err
	}
	work := train.Options{
		Config: c, Name: c.Dataset.Name + "_" + c.Model.Backbone, Fold: fold, Resume: o.resume,
		Out: io.Err, Terminal: io.Terminal,
	}
	if work.Train.Source, err = openSource(&c.Dataset, fold, data.Train); err != nil {
		return err
	}
	if validates(&c.Train) {
		work.Val = &train.Pictures{}
		if work.Val.Source, err = openSource(&c.Dataset, fold, data.Val); err != nil {
			return err
		}
	}
	if work.Dir, err = o.directory(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, work.Dir.Close()) }()
	if work.Device, err = openDevice(io, c); err != nil {
		return err
	}
	defer work.Device.Close()
	if err := indexPictures(ctx, io, c, &work); err != nil {
		return err
	}
	again := fmt.Sprintf("`hdmnet train --fold %d --resume --out %s`", fold.Index, work.Dir.Path())
	if err := train.Run(ctx, work); err != nil {
		if errors.Is(err, train.ErrInterrupted) {
			return fmt.Errorf("%w; go on with %s", err, again)
		}
		return err
	}
	_, err = fmt.Fprintf(io.Out, "run %s is complete\n", work.Dir.Path())
	return err
}

// load reads the settings. A run that goes on has its own, unless --config names others;
// those it cannot go on with are found out by the trainer.
func (o *trainOptions) load(io Streams) (*config.Config, error) {
	stage, err := o.cmd.Flags().GetString("stage")
	if err != nil {
		return nil, err
	}
	switch stage {
	case train.Base:
		o.bind("epochs", "train.base.epochs")
	case train.Meta:
		o.bind("epochs", "train.meta.epochs")
	default:
		o.bind("epochs", "train.base.epochs", "train.meta.epochs")
	}
	options, err := o.options(io.Env)
	if err != nil {
		return nil, err
	}
	options.Config = o.config
	if o.resume && o.config == "" {
		// A run killed before it wrote its settings starts with those of the command line.
		if dir, err := run.Open(o.out); err == nil {
			options.Config = dir.Config()
		}
	}
	c, err := loadConfig(options)
	if err != nil {
		return nil, err
	}
	if err := o.splitFits(c); err != nil {
		return nil, err
	}
	return c, absolute(c)
}

// directory makes or reopens the run directory.
func (o *trainOptions) directory() (*run.Dir, error) {
	if o.resume {
		return run.Resume(o.out)
	}
	if o.out != "" {
		return run.Create(o.out)
	}
	name := o.config
	if name == "" {
		name = config.Default
	}
	return run.Create(filepath.Join(runsDir, run.Name(name, o.fold, time.Now())))
}

// validates tells whether a stage that will run validates.
func validates(c *config.Train) bool {
	return c.Stage != train.Meta && c.Base.ValidateEvery > 0 || c.Stage != train.Base && c.Meta.ValidateEvery > 0
}

// indexPictures finds the pictures to train and to validate on.
func indexPictures(ctx context.Context, io Streams, c *config.Config, work *train.Options) error {
	meta := c.Train.Stage != train.Base
	index, err := buildIndex(ctx, io, &c.Dataset, work.Train.Source, work.Fold, data.Train)
	if err != nil {
		return err
	}
	work.Train.Index = index
	if meta {
		rest, scarce := index.WithoutScarce(c.Model.Shots)
		if len(rest.Images) == 0 {
			return index.Check(c.Model.Shots)
		}
		if len(scarce) > 0 {
			var names []string
			for _, class := range scarce {
				names = append(names, fmt.Sprintf("%s (%d)", work.Fold.ClassName(class), len(index.ByClass[class])))
			}
			io.warn("%d-shot episodes need %d pictures of a class; training leaves out the classes that have fewer: %s",
				c.Model.Shots, c.Model.Shots+1, strings.Join(names, ", "))
		}
		work.Train.Index = rest
	}
	if work.Val == nil {
		return nil
	}
	if work.Val.Index, err = buildIndex(ctx, io, &c.Dataset, work.Val.Source, work.Fold, data.Val); err != nil {
		return err
	}
	if meta && c.Train.Meta.ValidateEvery > 0 {
		if err := work.Val.Index.Check(c.Model.Shots); err != nil {
			return fmt.Errorf("validation: %w; or train without validation: --set train.meta.validate_every=0", err)
		}
	}
	return nil
}
