// Package train is `hdmnet train`: a run from its flags to its folder.
package train

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/experiment"
	"hdmnet/internal/run"
	"hdmnet/internal/train"
)

// options are the flags of `train`.
type options struct {
	*flags.Settings
	fold          string // a number, or all
	config        string
	out           string
	resume        bool
	acceptChanged bool
}

// NewCmd returns the command, which writes to io.
func NewCmd(io ui.Streams) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train a network on the base classes of a fold",
		Long: `Train a network on the base classes of a fold. The classes of a data set are divided into
folds; the classes of the fold itself, the novel classes, are kept out of training.

Training has two stages. Stage base trains the base learner, a PSPNet for the base classes.
Stage meta trains HDMNet on episodes, with the base learner frozen. An episode is a query
picture and one or more support pictures (--shots) that show the same class with its mask.

The folder of the run (--out) holds config.yaml (every setting), metrics.jsonl, log,
curves.png, tensorboard/ (events for TensorBoard), checkpoints/, base.safetensors (the base
learner) and best.safetensors (the network with the best validation score). After an
interruption, the same command with --resume continues the run; the weights are bit for bit
those of a run without interruption.

Started by mpirun, srun or torchrun, several processes train one network: every step takes a
batch in each. docs/scale.md has the commands.

--fold all trains one run per fold, in the folders fold0, fold1, … of --out, then scores them
with 1 and with 5 supports and prints the table of the papers.`,
		Example: `  hdmnet train --fold 0 --out runs/first
  hdmnet train --fold 0 --out runs/first --resume
  hdmnet train --fold 1 --config pascal5i_resnet50 --data-root VOC2012 \
      --train-list train.txt --val-list val.txt --set backbone.weights=resnet50_v2.pth
  hdmnet train --fold all --out runs/folds
  hdmnet train --fold 1 --config mine.yaml --stage meta --shots 5 \
      --set base.weights=base.safetensors`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return runTrain(cmd, io, o) },
	}
	o.Settings = flags.NewSettings(cmd)
	f := cmd.Flags()
	f.StringVar(&o.fold, "fold", "", "fold 0 to 3 (custom sets: 0 to their last), whose novel classes are kept out of training; all: one after the other")
	flags.Config(cmd, &o.config)
	f.StringVar(&o.out, "out", "", "folder of the run, `DIR` (default "+run.Parent+"/CONFIG_foldF_TIME)")
	f.BoolVar(&o.resume, "resume", false, "continue the run in --out")
	f.BoolVar(&o.acceptChanged, "accept-changed-data", false, "with --resume: continue although lists, pictures or masks have changed")
	f.String("stage", "", "stage to train: base, meta or all")
	f.String("shots", "", "supports per episode: a number, or a range such as 1-5 from which every batch draws its own")
	f.Int("epochs", 0, "epochs of the stage that --stage names, or of both stages")
	f.Int("seed", 0, "seed of all random numbers")
	flags.Device(o.Settings)
	flags.Dist(cmd)
	flags.Episodes(io, o.Settings)
	f.Bool("filter-intersection", true, "leave out training pictures that show a novel class (papers differ)")
	o.Bind("filter-intersection", "dataset.filter_intersection")
	o.Bind("stage", "train.stage")
	o.Bind("seed", "train.seed")
	flags.Lists(o.Settings)
	flags.Folds(cmd, "all")
	flags.Complete(cmd, "stage", train.Base, train.Meta, train.All)
	return cmd
}

func runTrain(cmd *cobra.Command, io ui.Streams, o *options) error {
	switch {
	case !o.Given("fold"):
		return ui.Usagef("no fold is given; choose one with --fold 0, 1, 2 or 3, or all")
	case o.resume && o.out == "":
		return ui.Usagef("--resume needs --out: the directory of the run to go on with")
	}
	if err := flags.CheckLists(o.Settings); err != nil {
		return err
	}
	if o.fold == "all" {
		return flags.Together(cmd, io, o.trainAll)
	}
	fold, err := strconv.Atoi(o.fold)
	if err != nil {
		return ui.Usagef("--fold %q: expected a number from 0, or all", o.fold)
	}
	return flags.Together(cmd, io, func(ctx context.Context, io ui.Streams, p *flags.Processes) error {
		c, err := o.configured(io, p)
		if err != nil {
			return err
		}
		return o.trainFold(ctx, io, p, c, fold, func(dir string) string {
			return fmt.Sprintf("`hdmnet train --fold %d --resume --out %s`", fold, dir)
		})
	})
}

// configured reads the settings, in process 0, for all.
func (o *options) configured(io ui.Streams, p *flags.Processes) (c *config.Config, err error) {
	if p.First() {
		c, err = o.load(io)
	}
	return p.Config(c, err)
}

// trainFold trains one run; again is the command that goes on with it.
func (o *options) trainFold(ctx context.Context, io ui.Streams, p *flags.Processes, c *config.Config, fold int, again func(dir string) string) (err error) {
	work, set, monitor, finish, err := o.open(io, p, c, fold)
	if err = p.Agree(err); err != nil {
		return err
	}
	if p.First() {
		if work.Dir, err = o.directory(fold); err == nil {
			defer func() { err = errors.Join(err, work.Dir.Close()) }()
		}
	}
	if err = p.Agree(err); err != nil {
		return err
	}
	if work.Device, work.Group, err = p.OpenDevice(ctx, io, c); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, work.Group.Close(), work.Device.Close()) }()
	err = set.IndexTraining(ctx, c, &work.Train, work.Val, monitor)
	finish()
	if err = p.Agree(err); err != nil {
		return err
	}
	err = train.Run(ctx, work)
	var lost *dist.LostError
	if errors.Is(err, train.ErrInterrupted) || errors.As(err, &lost) {
		if !p.First() {
			return dist.Agreed(err)
		}
		return dist.Agreed(fmt.Errorf("%w; go on with %s", err, again(work.Dir.Path())))
	}
	if err != nil || !p.First() {
		return err
	}
	_, err = fmt.Fprintf(io.Out, "run %s is complete\n", work.Dir.Path())
	return err
}

// open opens the pictures of a run.
func (o *options) open(io ui.Streams, p *flags.Processes, c *config.Config, fold int) (work train.Options, set *experiment.Dataset, m experiment.Monitor, finish func(), err error) {
	m, finish = flags.Monitor(io)
	if set, err = experiment.Open(&c.Dataset, fold); err != nil {
		return work, nil, m, finish, err
	}
	set.ReadTogether(p)
	work = train.Options{
		Config: c, Name: c.Dataset.Name + "_" + c.Model.Backbone, Fold: set.Fold, Resume: o.resume, AcceptChangedData: o.acceptChanged,
		Out: io.Err, Terminal: io.Terminal, Council: p.Council,
	}
	if work.Train.Source, err = set.Source(data.Train, m); err != nil {
		return work, set, m, finish, err
	}
	if train.Validates(&c.Train) {
		work.Val = &experiment.Pictures{}
		work.Val.Source, err = set.Source(data.Val, m)
	}
	return work, set, m, finish, err
}

// load reads the settings. A run that goes on has its own, unless --config names others;
// those it cannot go on with are found out by the trainer.
func (o *options) load(io ui.Streams) (*config.Config, error) {
	stage, err := o.Cmd.Flags().GetString("stage")
	if err != nil {
		return nil, err
	}
	switch stage {
	case train.Base:
		o.Bind("epochs", "train.base.epochs")
	case train.Meta:
		o.Bind("epochs", "train.meta.epochs")
	default:
		o.Bind("epochs", "train.base.epochs", "train.meta.epochs")
	}
	o.Bind("shots", "model.shots")
	if shots, err := o.Cmd.Flags().GetString("shots"); err != nil {
		return nil, err
	} else if strings.Contains(shots, "-") {
		o.Bind("shots", "train.meta.shots")
	}
	options, err := o.Options(io)
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
	c, err := config.Load(options)
	if err != nil {
		return nil, err
	}
	if err := flags.CheckFoldScheme(o.Settings, c); err != nil {
		return nil, err
	}
	if c.Precision == flags.AutoPrecision && o.resume {
		if err := o.keepPrecision(c); err != nil {
			return nil, err
		}
	}
	return c, experiment.Absolute(c)
}

// keepPrecision replaces the precision auto by that which the run to go on with has found.
func (o *options) keepPrecision(c *config.Config) error {
	if dir, err := run.Open(o.out); err == nil { // else it was killed before it wrote its settings
		saved, err := config.Load(config.Options{Config: dir.Config()})
		if err != nil {
			return err
		}
		c.Precision = saved.Precision
	}
	return nil
}

// directory makes or reopens the run directory.
func (o *options) directory(fold int) (*run.Dir, error) {
	if o.resume {
		return run.Resume(o.out)
	}
	if o.out != "" {
		return run.Create(o.out)
	}
	return run.Create(filepath.Join(run.Parent, run.Name(o.configuration(), strconv.Itoa(fold), time.Now())))
}

// configuration is the name of the settings.
func (o *options) configuration() string {
	if o.config == "" {
		return config.Default
	}
	return o.config
}
