// Package eval is `hdmnet eval`: scores of networks on novel classes.
package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/data"
	"hdmnet/internal/dist"
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
	key       string
	classes   string
	config    string
	fold      string
	stage     string
	untrained bool
	method    string
	json      bool
	gfss      gfssOptions

	processes *flags.Processes
	fused     string                // how the supports were taken, once a network is there
	segmenter *experiment.Segmenter // of a method without training, once there is one
	keeps     bool                  // --save-results is given
}

// NewCmd returns the command, which writes to io.
func NewCmd(io ui.Streams) *cobra.Command { return newCmd(io, &options{}) }

// newCmd makes the command whose flags go to o.
func newCmd(io ui.Streams, o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Score a network on classes it was not trained on",
		Long: `Score a network on the novel classes of its fold, which it was not trained on. Prints mIoU
and FB-IoU of the final and of the meta output, and the mIoU of the base learner over the
base classes; with several seeds, mean ± standard deviation.

Without --run and --weights, the newest run under runs/ is scored. --shots need not be that
of training. --fold all needs the folder that train --fold all wrote, or one --run for every
fold.

Masks are compared at each picture's own size. The episodes are those that the released
PyTorch program draws with the same seed and a DataLoader of
eval.emulated_dataloader_workers workers, so that scores can be compared with its scores.
--protocol chooses how many episodes, and with which seeds:

  hdmnet  1000 episodes (COCO-20i: 10000) with each of 10 seeds, the test of the release
  val     1000 episodes with seed 321, the validation during training
  bam     1000 episodes with each of the first 5 seeds
  quick   200 episodes with the first seed

--save-episodes writes the episodes to a file, by the names of their pictures;
--episodes-file scores the episodes of such a file, with this or another network.
--save-results writes pictures, class and pixels of every episode; ` + "`hdmnet report`" + ` shows a
run's results.jsonl.

--method insid3, or the simpler --method prototypes, scores an encoder (--weights: DINOv3 or
DINOv2) that nobody has trained for this, on the novel classes of a fold (--fold), of every fold
(--fold all), or on a set of your own (--classes). docs/insid3.md and docs/foundation.md say more.

--gfss scores base classes and the novel class together (generalized few-shot segmentation,
as BAM does): a pixel is of the novel class where the final output's probability is above
--tau, and elsewhere of the class that the base learner says. With --merge base, the base
learner's classes come first. Prints mIoU over novel, base and all classes. Every picture
of the list is a query in turn; BAM's protocol is --protocol bam.

--stage base scores the base learner alone, on every picture of the list at
train.base.size; novel classes count as background.

--untrained gives a baseline: the base learner as trained, the rest of the network with
random weights.`,
		Example: `  hdmnet eval --run runs/first --shots 5
  hdmnet eval --fold all --run runs/f0 --run runs/f1 --run runs/f2 --run runs/f3 --json
  hdmnet eval --weights best.safetensors --config pascal5i_resnet50 --fold 1 \
      --data-root VOC2012 --list val.txt --protocol bam
  hdmnet eval --run runs/pascal0 --data-root mine --classes classes.txt
  hdmnet eval --run runs/first --gfss --protocol bam --tau 0.9
  hdmnet eval --run runs/first --protocol quick --save-episodes episodes.jsonl
  hdmnet eval --run runs/second --episodes-file episodes.jsonl
  hdmnet eval --method insid3 --weights dinov3_vitl16.safetensors --config coco20i_resnet50 \
      --data-root coco --list val.txt --fold 0 --protocol quick`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.Together(cmd, io, func(ctx context.Context, io ui.Streams, p *flags.Processes) error { return runEval(ctx, io, p, o) })
		},
	}
	o.Settings = flags.NewSettings(cmd)
	o.flags()
	f := cmd.Flags()
	f.StringArrayVar(&o.runs, "run", nil, "folder of the run, `DIR`, whose network is scored; with --fold all, one for each fold, or the folder that train --fold all wrote")
	f.StringVar(&o.weights, "weights", "", "`FILE` of weights (safetensors, .pth) to score instead of a run; --config says the settings")
	flags.Key(cmd, &o.key)
	flags.Method(cmd, &o.method)
	f.StringVar(&o.fold, "fold", "", "fold 0 to 3 (custom sets: 0 to their last), or all (default: the fold of the training)")
	f.BoolVar(&o.untrained, "untrained", false, "score a baseline: the base learner as trained, the rest with random weights")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	f.StringVar(&o.stage, "stage", train.Meta, "what is scored: meta, the whole network on episodes, or base, the base learner on every picture")
	o.gfss.flags(cmd)
	flags.Shots(o.Settings)
	f.Int("feature-cache", 0, "memory for features of pictures that are used again, in `MIB`; 0: none")
	flags.Fusion(o.Settings)
	f.Bool("boundary-iou", false, "also score the IoU of the boundaries")
	o.Bind("boundary-iou", "eval.boundary_iou")
	flags.Device(o.Settings)
	flags.Dist(cmd)
	flags.Root(o.Settings)
	f.String("list", "", "`FILE` with the paths of an image and its mask on each line, to score on")
	f.StringVar(&o.classes, "classes", "", "score on a set of your own: `FILE` with its classes, one a line, all of them new to the network; --list is list.txt unless given")
	o.Bind("feature-cache", "eval.feature_cache")
	flags.Episodes(io, o.Settings)
	o.Bind("list", "dataset.val_list")
	flags.ConfigForWeights(cmd, &o.config)
	flags.Folds(cmd, "all")
	flags.Complete(cmd, "stage", train.Base, train.Meta)
	return cmd
}

// allClasses is the fold of a report on a set that the network was not trained on.
const allClasses = "all classes"

// about is what every report on episodes says of them.
type about struct {
	EpisodesPerSeed int      `json:"episodes"` // the most, where the seeds of a file have different numbers
	Seeds           []int    `json:"seeds"`
	Protocol        string   `json:"protocol,omitempty"`
	Draws           string   `json:"draws"`
	Shots           int      `json:"shots,omitempty"`       // 0: the rows of a table say
	ShotFusion      string   `json:"shot_fusion,omitempty"` // how they count together; of one shot nothing
	TTA             string   `json:"tta,omitempty"`
	Refine          string   `json:"refine,omitempty"`
	Annotation      string   `json:"annotation"`
	Fold            any      `json:"fold"` // a number, "all", or allClasses
	Dataset         string   `json:"dataset"`
	Method          string   `json:"method,omitempty"` // empty: a trained network
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

func runEval(ctx context.Context, io ui.Streams, p *flags.Processes, o *options) (err error) {
	start := time.Now()
	o.processes = p
	if err := p.Agree(o.check()); err != nil {
		return err
	}
	if o.keeps = o.results.Path != ""; !p.First() {
		o.save.Path, o.results.Path = "", "" // process 0 draws the same episodes, and gets all results
	}
	networks, err := o.networks(io)
	if err = p.Agree(err); err != nil {
		return err
	}
	dev, group, err := p.OpenDevice(ctx, io, networks[0].Config)
	if err != nil {
		return err
	}
	defer dev.Close()
	defer group.Close()
	defer func() { err = o.closeSegmenter(err) }()
	switch {
	case o.stage == train.Base:
		return o.evalBase(ctx, io, dev, networks, start)
	case o.gfss.on:
		return o.evalGFSS(ctx, io, dev, networks, start)
	}
	if o.fold == "all" && !o.Given("shots") {
		return o.evalTable(ctx, io, dev, networks, start)
	}
	r := report{about: o.about(networks, dev)}
	summaries, err := o.evalFolds(ctx, io, dev, networks)
	if err != nil {
		return err
	}
	r.Summary, r.ShotFusion = summaries[0], o.fused
	if o.fold == "all" {
		r.Summary, r.Folds = eval.Average(summaries), perFold(networks, summaries)
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

// evalFolds scores every network on its fold.
func (o *options) evalFolds(ctx context.Context, io ui.Streams, dev op.Device, networks []*experiment.Trained) ([]eval.Summary, error) {
	var summaries []eval.Summary
	for _, t := range networks {
		s, err := o.evalFold(ctx, io, dev, t)
		if err != nil {
			return nil, batchAdvice(err)
		}
		summaries = append(summaries, s)
	}
	return summaries, nil
}

// perFold puts the folds beside their scores.
func perFold(networks []*experiment.Trained, summaries []eval.Summary) []foldReport {
	var folds []foldReport
	for i, t := range networks {
		folds = append(folds, foldReport{t.Fold, summaries[i]})
	}
	return folds
}

// batchAdvice adds to the error of a batch that does not fit the setting that does.
func batchAdvice(err error) error {
	var short *nn.MemoryError
	if errors.As(err, &short) && short.Largest > 0 {
		return fmt.Errorf("%w; --set eval.batch=%d fits", err, short.Largest)
	}
	return err
}

// likeRelease tells whether labels must be those of the released program, in every pixel:
// under the protocols that are compared with published scores.
func (o *options) likeRelease() bool {
	p, ok := experiment.FindProtocol(o.protocol)
	return ok && p.LikeRelease
}

// check refuses flags that do not go together.
func (o *options) check() error {
	if err := o.checkMethod(); err != nil {
		return err
	}
	if o.stage != train.Base && o.stage != train.Meta {
		return ui.Usagef("stage %q cannot be scored: choose %s or %s", o.stage, train.Base, train.Meta)
	}
	if o.stage == train.Base {
		for _, flag := range []string{"gfss", "shots", "episodes", "seeds", "protocol", "save-episodes", "save-results", "ann-type", "untrained", "shot-fusion", "tta", "refine", "boundary-iou"} {
			if o.Given(flag) {
				return ui.Usagef("--stage base scores the base learner on every picture of the list, without episodes: leave --%s out", flag)
			}
		}
	}
	if o.gfss.on && o.Given("save-results") {
		return ui.Usagef("--save-results writes the masks' scores of single episodes, which --gfss has not: leave one out")
	}
	return o.gfss.check(o.Settings)
}

// about describes the evaluation of these networks.
func (o *options) about(networks []*experiment.Trained, dev op.Device) about {
	first := networks[0]
	a := about{
		EpisodesPerSeed: first.Eval.Episodes, Seeds: first.Eval.Seeds, Protocol: o.protocol, Draws: o.describe(first.Config),
		Shots: first.Model.Shots, TTA: first.Eval.TTA, Refine: first.Eval.Refine, Annotation: first.Dataset.Annotation, Fold: first.Fold,
		Dataset: first.Dataset.Name, Backbone: first.Model.Backbone, Untrained: o.untrained, Device: dev.Name(),
	}
	switch {
	case o.fold == "all":
		a.Fold = "all"
	case first.Fold < 0:
		a.Fold = allClasses
	}
	for _, t := range networks {
		if !slices.Contains(a.Weights, t.Path) {
			a.Weights = append(a.Weights, t.Path)
		}
	}
	if o.method != flags.MethodHDMNet {
		a.Method = o.method
	}
	return a
}

// evalFold scores one network under all seeds.
func (o *options) evalFold(ctx context.Context, io ui.Streams, dev op.Device, t *experiment.Trained) (eval.Summary, error) {
	index := func(set *experiment.Dataset, src data.Source, m experiment.Monitor) (*data.Index, error) {
		index, err := set.Index(ctx, src, data.Val, m)
		if err != nil {
			return nil, err
		}
		return set.Usable(index, t.Model.Shots, m)
	}
	keep := o.keepResults(t)
	var results []*eval.Result
	var err error
	if o.method != flags.MethodHDMNet {
		results, err = o.findSeeds(ctx, io, dev, t, index, keep)
	} else {
		results, err = scoreSeeds(io, o, dev, t, index, func(net *experiment.Network, loader *data.Loader, e eval.Options) ([]*eval.Result, error) {
			if keep != nil {
				e.Probabilities, e.Seen = true, keep.add
			}
			return eval.Meta(ctx, net, net.Tape, loader, e)
		})
	}
	if err == nil && keep != nil {
		err = keep.write(o.processes, dev)
	}
	if err != nil {
		return eval.Summary{}, err
	}
	return eval.Summarize(results), nil
}

// together is the processes that score n episodes, or pictures, in batches, each its part of
// them in blocks; nil of one process.
func (o *options) together(n, batch, block int) *eval.Together {
	p := o.processes
	size := p.Place().Size
	if size == 1 {
		return nil
	}
	most := dist.Shard{Size: size, Block: block}.Len(n) // that of process 0
	return &eval.Together{
		Processes: size, Batches: (most + batch - 1) / batch,
		Sum:       func(v []int64) error { return dist.SumInts(p, v) },
		SumFloats: func(v map[string]float64) error { return dist.SumFloats(p, v) },
		Agree:     p.Agree,
	}
}

func seedList(seeds []int) string {
	if len(seeds) == 1 {
		return fmt.Sprintf("seed %d", seeds[0])
	}
	return fmt.Sprintf("%d seeds", len(seeds))
}
