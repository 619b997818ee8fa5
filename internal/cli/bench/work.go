package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"hdmnet/internal/bench"
	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/experiment"
	"hdmnet/internal/op"
	"hdmnet/internal/profile"
)

// workFlags are the flags of the bench commands that run the network.
type workFlags struct {
	*flags.Settings
	config       string
	mode         string
	runs, warmup int
	json         bool
}

// flags adds them to a command.
func (o *workFlags) flags(cmd *cobra.Command, mode string) {
	o.Settings = flags.NewSettings(cmd)
	f := cmd.Flags()
	flags.Config(cmd, &o.config)
	f.StringVar(&o.mode, "mode", mode, "what is timed: eval, an evaluation, or train, a training step of the meta stage")
	f.IntVar(&o.runs, "runs", 5, "runs to measure")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	flags.Shots(o.Settings)
	f.Int("size", 0, "side of the network's square input in pixels")
	f.Int("batch", 0, "episodes in a batch (default: eval.batch or train.meta.batch)")
	flags.Device(o.Settings)
	o.Bind("size", "model.size")
	o.Bind("batch", "eval.batch", "train.meta.batch")
	flags.Complete(cmd, "mode", "eval", "train")
}

// warmupFlag adds the one that is for repeated runs of the network.
func (o *workFlags) warmupFlag(cmd *cobra.Command) {
	cmd.Flags().IntVar(&o.warmup, "warmup", 1, "runs before the measured ones")
}

// workload is what is timed, and on what.
type workload struct {
	Machine  machine `json:"machine"`
	Dataset  string  `json:"dataset"`
	Backbone string  `json:"backbone"`
	Mode     string  `json:"mode"`
	Shots    int     `json:"shots"`
	Size     int     `json:"size"`
	Batch    int     `json:"batch"`
	Warmup   int     `json:"warmup"`

	options bench.Options
}

func (w *workload) String() string {
	return fmt.Sprintf("%v\n%s, %s, %s, %d-shot, %d×%d, batch %d", w.Machine, w.Dataset, w.Backbone, w.Mode, w.Shots, w.Size, w.Size, w.Batch)
}

// open reads the settings and opens the device.
func (o *workFlags) open(ctx context.Context, io ui.Streams) (op.Device, *workload, error) {
	switch {
	case o.mode != "eval" && o.mode != "train":
		return nil, nil, ui.Usagef("--mode %q, expected eval or train", o.mode)
	case o.runs < 1 || o.warmup < 0:
		return nil, nil, ui.Usagef("--runs %d and --warmup %d: expected at least 1 run and no negative number before", o.runs, o.warmup)
	}
	c, err := o.Load(io, o.config)
	if err != nil {
		return nil, nil, err
	}
	set, err := experiment.Open(&c.Dataset, 0)
	if err != nil {
		return nil, nil, err
	}
	w := &workload{
		Dataset: c.Dataset.Name, Backbone: c.Model.Backbone, Mode: o.mode, Shots: c.Model.Shots, Size: c.Model.Size, Batch: c.Eval.Batch,
		Warmup: o.warmup, options: bench.Options{Config: c, Fold: set.Fold, Train: o.mode == "train"},
	}
	if w.options.Train {
		w.Batch = c.Train.Meta.Batch
	}
	w.options.Batch = w.Batch
	dev, err := flags.OpenDevice(ctx, io, c)
	if err != nil {
		return nil, nil, err
	}
	if w.Machine, err = thisMachine(dev); err != nil {
		return nil, nil, errors.Join(err, dev.Close())
	}
	return dev, w, nil
}

// count is how often to run, with a progress bar.
func (o *workFlags) count(io ui.Streams, label string) (bench.Runs, *ui.Progress) {
	bar := ui.NewProgress(io, label, "runs")
	return bench.Runs{Warmup: o.warmup, Runs: o.runs, Progress: func(done, total int, seconds float64) {
		bar.Update(done, total, fmt.Sprintf("%.3f s", seconds))
	}}, bar
}

// profile runs the work with every operator timed.
func (o *workFlags) profile(ctx context.Context, io ui.Streams, dev op.Device, w *workload) (p *bench.Profile, err error) {
	timed := profile.New(dev)
	work, err := bench.New(timed, w.options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, work.Close()) }()
	runs, bar := o.count(io, "timing the operators")
	defer bar.Finish()
	return bench.MeasureOperators(ctx, timed, runs, work.Run)
}

// spread is the seconds of several runs.
type spread struct {
	Median float64   `json:"median"`
	Min    float64   `json:"min"`
	Max    float64   `json:"max"`
	Runs   []float64 `json:"runs"`
}

func newSpread(runs []float64) spread {
	return spread{median(runs), slices.Min(runs), slices.Max(runs), runs}
}

const (
	giga = 1e9
	mib  = 1 << 20
)
