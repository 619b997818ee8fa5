package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/eval"
	"hdmnet/internal/op"
	"hdmnet/internal/run"
)

// evalOptions are the flags of `eval`.
type evalOptions struct {
	episodeOptions
	runs      []string
	weights   string
	config    string
	fold      string
	untrained bool
	json      bool
}

func newEval(io Streams) *cobra.Command { return newEvalWith(io, &evalOptions{}) }

// newEvalWith makes the command whose flags go to o.
func newEvalWith(io Streams, o *evalOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Score a network on the novel classes of a fold",
		Long: `Score a network on episodes over the novel classes of its fold: mIoU and FB-IoU of the
final and of the meta output, and the base learner's mIoU over the base classes, all at
the pictures' own size. Several seeds give mean ± standard deviation.

The episodes are those of the release: PyTorch's and Python's random numbers behind a
DataLoader of eval.draw_workers workers, so that a result here and one there are over the
same pictures. --protocol chooses how many, with which seeds:

  hdmnet  1000 episodes (COCO 10000) with each of 10 seeds, the release's test
  val     1000 with seed 321, what training reports
  bam     1000 with each of the first five seeds
  quick   200 with the first seed

--save-episodes writes them by the names of their pictures, and --episodes FILE scores
such a list, with any order of the list of pictures.

Without --run and --weights it takes the newest run under runs/. A network trained with
one number of shots can be scored with any other. --fold all needs one run per fold.
--untrained scores the same network with a meta learner as initialised: what the
training was worth.`,
		Example: `  hdmnet eval
  hdmnet eval --run runs/first --shots 5 --json
  hdmnet eval --fold all --run runs/f0 --run runs/f1 --run runs/f2 --run runs/f3
  hdmnet eval --weights best.safetensors --config pascal5i_resnet50 --fold 1 \
      --data-root VOC2012 --list val.txt --protocol bam
  hdmnet eval --run runs/first --protocol quick --save-episodes episodes.jsonl
  hdmnet eval --run runs/second --episodes episodes.jsonl`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runEval(cmd.Context(), io, o) },
	}
	o.settings = newSettings(cmd)
	o.flags()
	f := cmd.Flags()
	f.StringArrayVar(&o.runs, "run", nil, "run directory `DIR` whose network to score; with --fold all one per fold")
	f.StringVar(&o.weights, "weights", "", "`FILE` of weights (safetensors, .pth) to score instead, with --config")
	f.StringVar(&o.config, "config", "", "settings of --weights: an embedded configuration or a YAML file (default shapes5i)")
	f.StringVar(&o.fold, "fold", "", "fold 0..3 (custom sets: 0 to their last), or all (default: the fold the network was trained for)")
	f.BoolVar(&o.untrained, "untrained", false, "score a meta learner as initialised, over the same base learner")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	f.Int("shots", 0, "supports per episode")
	f.String("device", "", "auto, cpu or cuda:N")
	f.String("data-root", "", "`DIR` that the paths of the list start from")
	f.String("list", "", "`FILE` of image and mask pairs to score on")
	o.bind("shots", "model.shots")
	o.bind("device", "device")
	o.bind("data-root", "dataset.root")
	f.String("split", "", "how COCO-20i's classes are split into folds: fwb or panet")
	o.bind("list", "dataset.val_list")
	o.bind("split", "dataset.split")
	completeConfig(cmd)
	completeDevice(cmd)
	complete(cmd, "fold", "0", "1", "2", "3", "all")
	complete(cmd, "split", "fwb", "panet")
	return cmd
}

// report is what eval prints as JSON.
type report struct {
	eval.Summary
	EpisodesPerSeed int          `json:"episodes"` // the most, where the seeds of a file have different numbers
	Seeds           []int        `json:"seeds"`
	Protocol        string       `json:"protocol,omitempty"`
	Draws           string       `json:"draws"`
	Shots           int          `json:"shots"`
	Fold            any          `json:"fold"` // a number, or "all"
	Folds           []foldReport `json:"folds,omitempty"`
	Dataset         string       `json:"dataset"`
	Backbone        string       `json:"backbone"`
	Weights         []string     `json:"weights"`
	Untrained       bool         `json:"untrained"`
	Device          string       `json:"device"`
	Seconds         float64      `json:"seconds"`
}

// foldReport is one fold's part of --fold all.
type foldReport struct {
	Fold int `json:"fold"`
	eval.Summary
}

func runEval(ctx context.Context, io Streams, o *evalOptions) error {
	start := time.Now()
	networks, err := o.networks(io)
	if err != nil {
		return err
	}
	first := networks[0]
	dev, err := openDevice(io, first.Device)
	if err != nil {
		return err
	}
	defer dev.Close()
	r := report{
		EpisodesPerSeed: first.Eval.Episodes, Seeds: first.Eval.Seeds, Shots: first.Model.Shots,
		Protocol: o.protocol, Draws: o.describe(first.Config),
		Dataset: first.Dataset.Name, Backbone: first.Model.Backbone, Untrained: o.untrained, Device: dev.Name(),
	}
	var summaries []eval.Summary
	for _, t := range networks {
		s, err := o.evalFold(ctx, io, dev, t)
		if err != nil {
			return err
		}
		summaries = append(summaries, s)
		r.Weights = append(r.Weights, t.path)
	}
	r.Summary, r.Fold = summaries[0], first.fold
	if o.fold == "all" {
		r.Summary, r.Fold = eval.Average(summaries), "all"
		for i, t := range networks {
			r.Folds = append(r.Folds, foldReport{t.fold, summaries[i]})
		}
	}
	r.Seconds = time.Since(start).Seconds()
	if len(r.Missing) > 0 {
		io.warn("no episode showed %s: the mean is over the other classes; use more episodes", strings.Join(r.Missing, ", "))
	}
	if o.json {
		enc := json.NewEncoder(io.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(&r)
	}
	return r.print(io.Out)
}

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
		t, err := openTrained(dir, o.weights, o.untrained, options)
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
	case t.split != "" && t.Dataset.Name == "coco20i" && t.split != t.Dataset.Split:
		return usagef("%s was trained for the folds of split %s: novel classes of split %s are among those it was trained on; score it with --split %s",
			t.path, t.split, t.Dataset.Split, t.split)
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
			a.Model.Shots != b.Model.Shots || !slices.Equal(a.Eval.Seeds, b.Eval.Seeds) {
			return errors.New("the runs cannot be averaged: " + a.run + " and " + b.run +
				" differ in data set, backbone, shots, episodes or seeds; give --shots, --episodes and --seeds, or runs of one configuration")
		}
	}
	return nil
}

// evalFold scores one network under all seeds.
func (o *evalOptions) evalFold(ctx context.Context, io Streams, dev op.Device, t *trained) (eval.Summary, error) {
	none := eval.Summary{}
	fold, err := openFold(&t.Dataset, t.fold)
	if err != nil {
		return none, err
	}
	net, err := newNetwork(dev, t.Config, fold, t.Model.Shots, uint64(t.Train.Seed))
	if err != nil {
		return none, err
	}
	defer net.close()
	if err := net.load(io, t.path, o.untrained); err != nil {
		return none, err
	}
	src, err := openSource(&t.Dataset, fold, data.Val)
	if err != nil {
		return none, err
	}
	index, err := buildIndex(ctx, io, &t.Dataset, src, fold, data.Val)
	if err != nil {
		return none, err
	}
	episodes, err := o.open(t.Config, src, index)
	if err != nil {
		return none, err
	}
	var results []*eval.Result
	for _, seed := range t.Eval.Seeds {
		r, err := evalSeed(ctx, io, net, t.Config, src, index, seed, episodes[seed])
		if err != nil {
			return none, err
		}
		results = append(results, r)
	}
	return eval.Summarize(results), nil
}

func evalSeed(ctx context.Context, io Streams, net *network, c *config.Config, src data.Source, index *data.Index, seed int, draws episodes) (*eval.Result, error) {
	loader, err := data.NewLoader(data.LoaderOptions{
		Source: src, Index: index, Stage: data.Meta, Size: c.Model.Size, Shots: c.Model.Shots,
		Batch: c.Eval.Batch, Episodes: draws.count, Drawer: draws,
		Workers: c.Train.Workers, Prefetch: c.Train.Prefetch,
	})
	if err != nil {
		return nil, err
	}
	defer loader.Close()
	bar := newProgress(io, fmt.Sprintf("fold %d, seed %d", index.Fold.Index, seed), "episodes")
	defer bar.finish()
	return eval.Meta(ctx, net, net.tape, loader, eval.Options{
		Fold: index.Fold, Total: draws.count,
		Progress: func(done, total int, running float64) {
			bar.update(done, total, fmt.Sprintf("mIoU %.2f%%", 100*running))
		},
	})
}
