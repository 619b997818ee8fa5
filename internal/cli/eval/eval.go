package eval

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/data"
	"hdmnet/internal/eval"
	"hdmnet/internal/experiment"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/train"
)

// options are the flags of `eval`.
type options struct {
	episodeOptions
	runs      []string
	weights   string
	config    string
	fold      string
	stage     string
	untrained bool
	json      bool
	gfss      gfssOptions
}

func NewCmd(io ui.Streams) *cobra.Command { return newCmd(io, &options{}) }

// newEvalWith makes the command whose flags go to o.
func newCmd(io ui.Streams, o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Score a network on the novel classes of a fold",
		Long: `Score a network on episodes over the novel classes of its fold: mIoU and FB-IoU of the
final and of the meta output, and the base learner's mIoU over the base classes, all at
the pictures' own size. Several seeds give mean ± standard deviation.

The episodes are those of the release: PyTorch's and Python's random numbers behind a
DataLoader of eval.emulated_dataloader_workers workers, so that a result here and one there are over the
same pictures. --protocol chooses how many, with which seeds:

  hdmnet  1000 episodes (COCO 10000) with each of 10 seeds, the release's test
  val     1000 with seed 321, what training reports
  bam     1000 with each of the first five seeds
  quick   200 with the first seed

--gfss scores base classes and the novel class together, as BAM does: softmax(final) above
--tau is the novel class, elsewhere the base learner decides (--merge base: the base
learner first). mIoU over novel, base and all classes; BAM's protocol is --protocol bam.
Its episodes are BAM's: every picture of the list is a query, in turn.

--stage base scores the base learner alone, a run's base.safetensors or that in a whole
network: every picture of the list once, at train.base.size; novel classes are background.

--save-episodes writes them by the names of their pictures, and --episodes FILE scores
such a list, with any order of the list of pictures.

Without --run and --weights it takes the newest run under runs/. A network trained with
one number of shots can be scored with any other. --fold all needs one run per fold.
--untrained scores the same network with a meta learner as initialized: what the
training was worth.`,
		Example: `  hdmnet eval
  hdmnet eval --run runs/first --shots 5 --json
  hdmnet eval --fold all --run runs/f0 --run runs/f1 --run runs/f2 --run runs/f3
  hdmnet eval --weights best.safetensors --config pascal5i_resnet50 --fold 1 \
      --data-root VOC2012 --list val.txt --protocol bam
  hdmnet eval --run runs/first --gfss --protocol bam --tau 0.9
  hdmnet eval --run runs/first --stage base
  hdmnet eval --run runs/first --protocol quick --save-episodes episodes.jsonl
  hdmnet eval --run runs/second --episodes episodes.jsonl`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return runEval(cmd.Context(), io, o) },
	}
	o.Settings = flags.NewSettings(cmd)
	o.flags()
	f := cmd.Flags()
	f.StringArrayVar(&o.runs, "run", nil, "run directory `DIR` whose network to score; with --fold all one per fold")
	f.StringVar(&o.weights, "weights", "", "`FILE` of weights (safetensors, .pth) to score instead, with --config")
	f.StringVar(&o.fold, "fold", "", "fold 0..3 (custom sets: 0 to their last), or all (default: the fold the network was trained for)")
	f.BoolVar(&o.untrained, "untrained", false, "score a meta learner as initialized, over the same base learner")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	f.StringVar(&o.stage, "stage", train.Meta, "meta: the whole network on episodes; base: the base learner on every picture of the list")
	o.gfss.flags(cmd)
	flags.Shots(o.Settings)
	f.Int("feature-cache", 0, "`MIB` of memory for features of pictures that come back; 0: none")
	flags.Device(o.Settings)
	flags.Root(o.Settings)
	f.String("list", "", "`FILE` of image and mask pairs to score on")
	o.Bind("feature-cache", "eval.feature_cache")
	flags.Episodes(io, o.Settings)
	o.Bind("list", "dataset.val_list")
	flags.Config(cmd, &o.config, "settings of --weights: ")
	flags.Folds(cmd, "all")
	flags.Complete(cmd, "stage", train.Base, train.Meta)
	return cmd
}

// about is what every report on episodes says of them.
type about struct {
	EpisodesPerSeed int      `json:"episodes"` // the most, where the seeds of a file have different numbers
	Seeds           []int    `json:"seeds"`
	Protocol        string   `json:"protocol,omitempty"`
	Draws           string   `json:"draws"`
	Shots           int      `json:"shots"`
	Annotation      string   `json:"annotation"`
	Fold            any      `json:"fold"` // a number, or "all"
	Dataset         string   `json:"dataset"`
	Backbone        string   `json:"backbone"`
	Weights         []string `json:"weights"`
	Untrained       bool     `json:"untrained"`
	Device          string   `json:"device"`
	PeakMemory      int64    `json:"peak_memory"` // bytes on the device
	Seconds         float64  `json:"seconds"`
}

// report is what eval prints as JSON.
type report struct {
	eval.Summary
	about
	Folds []foldReport `json:"folds,omitempty"`
}

// foldReport is one fold's part of --fold all.
type foldReport struct {
	Fold int `json:"fold"`
	eval.Summary
}

func runEval(ctx context.Context, io ui.Streams, o *options) error {
	start := time.Now()
	if err := o.check(); err != nil {
		return err
	}
	networks, err := o.networks(io)
	if err != nil {
		return err
	}
	dev, err := flags.OpenDevice(io, networks[0].Config)
	if err != nil {
		return err
	}
	defer dev.Close()
	switch {
	case o.stage == train.Base:
		return o.evalBase(ctx, io, dev, networks, start)
	case o.gfss.on:
		return o.evalGFSS(ctx, io, dev, networks, start)
	}
	r := report{about: o.about(networks, dev)}
	var summaries []eval.Summary
	for _, t := range networks {
		s, err := o.evalFold(ctx, io, dev, t)
		if err != nil {
			return batchAdvice(err)
		}
		summaries = append(summaries, s)
	}
	r.Summary = summaries[0]
	if o.fold == "all" {
		r.Summary = eval.Average(summaries)
		for i, t := range networks {
			r.Folds = append(r.Folds, foldReport{t.Fold, summaries[i]})
		}
	}
	r.Seconds, r.PeakMemory = time.Since(start).Seconds(), op.PeakMemory(dev)
	if len(r.Missing) > 0 {
		io.Warn("no episode showed %s: the mean is over the other classes; use more episodes", strings.Join(r.Missing, ", "))
	}
	if o.json {
		return ui.PrintJSON(io, &r)
	}
	return r.print(io.Out)
}

// batchAdvice adds to the error of a batch that does not fit the setting that does.
func batchAdvice(err error) error {
	var short *nn.MemoryError
	if errors.As(err, &short) && short.Largest > 0 {
		return fmt.Errorf("%w; --set eval.batch=%d fits", err, short.Largest)
	}
	return err
}

// check refuses flags that do not go together.
func (o *options) check() error {
	if o.stage != train.Base && o.stage != train.Meta {
		return ui.Usagef("stage %q cannot be scored: choose %s or %s", o.stage, train.Base, train.Meta)
	}
	if o.stage == train.Base {
		for _, flag := range []string{"gfss", "shots", "episodes", "seeds", "protocol", "save-episodes", "ann-type", "untrained"} {
			if o.Given(flag) {
				return ui.Usagef("--stage base scores the base learner on every picture of the list, without episodes: leave --%s out", flag)
			}
		}
	}
	return o.gfss.check(o.Settings)
}

// about describes the evaluation of these networks.
func (o *options) about(networks []*experiment.Trained, dev op.Device) about {
	first := networks[0]
	a := about{
		EpisodesPerSeed: first.Eval.Episodes, Seeds: first.Eval.Seeds, Protocol: o.protocol, Draws: o.describe(first.Config),
		Shots: first.Model.Shots, Annotation: first.Dataset.Annotation, Fold: first.Fold,
		Dataset: first.Dataset.Name, Backbone: first.Model.Backbone, Untrained: o.untrained, Device: dev.Name(),
	}
	if o.fold == "all" {
		a.Fold = "all"
	}
	for _, t := range networks {
		a.Weights = append(a.Weights, t.Path)
	}
	return a
}

// evalFold scores one network under all seeds.
func (o *options) evalFold(ctx context.Context, io ui.Streams, dev op.Device, t *experiment.Trained) (eval.Summary, error) {
	index := func(set *experiment.Dataset, src data.Source, m experiment.Monitor) (*data.Index, error) {
		return set.Index(ctx, src, data.Val, m)
	}
	results, err := scoreSeeds(io, o, dev, t, index, func(net *experiment.Network, loader *data.Loader, e eval.Options) ([]*eval.Result, error) {
		return eval.Meta(ctx, net, net.Tape, loader, e)
	})
	if err != nil {
		return eval.Summary{}, err
	}
	return eval.Summarize(results), nil
}

// scoreSeeds scores one network on the episodes of an index. The seeds take turns, for
// they have the same queries in the same order, whose features are then at hand.
func scoreSeeds[R any](io ui.Streams, o *options, dev op.Device, t *experiment.Trained,
	index func(*experiment.Dataset, data.Source, experiment.Monitor) (*data.Index, error),
	score func(*experiment.Network, *data.Loader, eval.Options) ([]R, error)) (results []R, err error) {
	set, err := experiment.Open(&t.Dataset, t.Fold)
	if err != nil {
		return nil, err
	}
	monitor, finish := flags.Monitor(io)
	defer finish()
	net, err := experiment.NewNetwork(dev, t.Config, set.Fold, t.Model.Shots, uint64(t.Train.Seed))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	if err := net.Load(t.Path, o.untrained, monitor); err != nil {
		return nil, err
	}
	var p experiment.Pictures
	if p.Source, err = set.Source(data.Val); err != nil {
		return nil, err
	}
	if p.Index, err = index(set, p.Source, monitor); err != nil {
		return nil, err
	}
	finish()
	all, err := o.open(t.Config, &p)
	if err != nil {
		return nil, err
	}
	var runs []data.Drawer
	var counts []int
	for _, seed := range t.Eval.Seeds {
		runs, counts = append(runs, all[seed].Drawer), append(counts, all[seed].count)
	}
	draws := data.NewInterleaved(runs, counts)
	loader, err := experiment.EpisodeLoader(t.Config, &p, draws, draws.Len(), t.Eval.Batch)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, loader.Close()) }()
	if err := net.CacheFeatures(net.Tape, int64(t.Eval.FeatureCache)<<20); err != nil {
		return nil, err
	}
	bar := ui.NewProgress(io, fmt.Sprintf("fold %d, %s", t.Fold, seedList(t.Eval.Seeds)), "episodes")
	defer bar.Finish()
	return score(net, loader, eval.Options{
		Fold: set.Fold, Total: draws.Len(), Runs: len(runs), Run: draws.Run,
		Progress: func(done, total int, running float64) {
			bar.Update(done, total, fmt.Sprintf("mIoU %.2f%%", 100*running))
		},
	})
}

func seedList(seeds []int) string {
	if len(seeds) == 1 {
		return fmt.Sprintf("seed %d", seeds[0])
	}
	return fmt.Sprintf("%d seeds", len(seeds))
}
