package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"hdmnet/internal/bench"
	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/dist"
	"hdmnet/internal/experiment"
	"hdmnet/internal/op"
)

type distOptions struct {
	workFlags
	sizes []int
}

func newDist(io ui.Streams) *cobra.Command {
	o := &distOptions{}
	cmd := &cobra.Command{
		Use:   "dist",
		Short: "Time what several processes exchange, and a training step of all of them",
		Long: `Time what several processes exchange, and a training step of all of them. Start it as you
would start the training: with mpirun, srun or torchrun.

Sums: the time to add up a block of float32 over all processes, and its rate, 2·(N−1)/N times
the block's bytes a second, which is what every process sends and receives at least. An
agreement: a few bytes from every process to every other. Step: a training step of the meta
stage in one process alone, while the others do the same, and in all together, a batch in
each; the ratio is the efficiency. The sum of the step's gradients is what overlapping it with
the backward pass could save at most. docs/scale.md explains the figures.`,
		Example: `  hdmnet bench dist --runs 3
  mpirun -n 2 hdmnet bench dist
  mpirun -n 8 hdmnet bench dist --config pascal5i_resnet50 --sizes 1,16,64 --json`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.Together(cmd, io, func(ctx context.Context, io ui.Streams, p *flags.Processes) error { return runDist(ctx, io, p, o) })
		},
	}
	o.Settings = flags.NewSettings(cmd)
	f := cmd.Flags()
	flags.Config(cmd, &o.config)
	f.IntVar(&o.runs, "runs", 9, "runs to measure")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	f.IntSliceVar(&o.sizes, "sizes", []int{0, 1, 16, 64}, "blocks to add up, in MiB; 0 is 4 KiB")
	flags.Shots(o.Settings)
	f.Int("size", 0, "side of the network's square input in pixels")
	f.Int("batch", 0, "episodes in a batch of each process")
	flags.Device(o.Settings)
	flags.Dist(cmd)
	o.Bind("size", "model.size")
	o.Bind("batch", "train.meta.batch")
	return cmd
}

// distReport is the result of `bench dist`; times are seconds, medians over the runs of the
// slowest process.
type distReport struct {
	Machine   machine    `json:"machine"` // of process 0
	Processes int        `json:"processes"`
	Local     int        `json:"processes_of_this_machine"`
	Backbone  string     `json:"backbone"`
	Size      int        `json:"size"`
	Batch     int        `json:"batch"`
	Agreement float64    `json:"agreement_seconds"`
	Sums      []blockSum `json:"sums"`
	Gradients int        `json:"gradient_bytes"`       // of a step
	Gradient  float64    `json:"gradient_sum_seconds"` // their sum
	Alone     float64    `json:"step_alone_seconds"`
	Together  float64    `json:"step_together_seconds"`
	// Efficiency is Alone / Together.
	Efficiency float64 `json:"efficiency"`
}

// blockSum is the sum of one size of block.
type blockSum struct {
	Bytes   int     `json:"bytes"`
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"bytes_per_second"` // 2·(N−1)/N · Bytes / Seconds
}

func runDist(ctx context.Context, io ui.Streams, p *flags.Processes, o *distOptions) (err error) {
	for _, n := range o.sizes {
		if n < 0 || n > 1024 {
			return p.Agree(ui.Usagef("--sizes %d: expected 0 to 1024 MiB", n))
		}
	}
	if o.runs < 1 {
		return p.Agree(ui.Usagef("--runs %d: expected at least 1", o.runs))
	}
	c, err := p.Config(o.Load(io, o.config))
	if err != nil {
		return err
	}
	set, err := experiment.Open(&c.Dataset, 0)
	if err != nil {
		return err
	}
	dev, g, err := p.OpenDevice(ctx, io, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close(), dev.Close()) }()
	place := p.Place()
	r := &distReport{Processes: place.Size, Local: place.LocalSize, Backbone: c.Model.Backbone, Size: c.Model.Size, Batch: c.Train.Meta.Batch}
	if r.Machine, err = thisMachine(dev); err != nil {
		return err
	}
	if err := r.exchange(dev, g, o); err != nil {
		return err
	}
	work := bench.Options{Config: c, Fold: set.Fold, Batch: r.Batch, Train: true, Group: dist.Solo{}}
	if r.Alone, err = r.step(ctx, dev, g, work, o.runs); err != nil {
		return err
	}
	work.Group = g
	if r.Together, err = r.step(ctx, dev, g, work, o.runs); err != nil {
		return err
	}
	r.Efficiency = r.Alone / r.Together
	sum, err := timeSum(dev, g, r.Gradients, o.runs)
	if err != nil {
		return err
	}
	r.Gradient = sum.Seconds
	if o.json {
		return ui.PrintJSON(io, r)
	}
	return r.print(io.Out)
}

// exchange times agreements and sums.
func (r *distReport) exchange(dev op.Device, g dist.ProcessGroup, o *distOptions) error {
	seconds, err := bench.TimeGather(g, 10*o.runs)
	if err != nil {
		return err
	}
	if r.Agreement, err = slowest(g, seconds); err != nil {
		return err
	}
	for _, size := range o.sizes {
		sum, err := timeSum(dev, g, max(size<<20, 4<<10), o.runs)
		if err != nil {
			return err
		}
		r.Sums = append(r.Sums, sum)
	}
	return nil
}

// timeSum times the sum of a block.
func timeSum(dev op.Device, g dist.ProcessGroup, size, runs int) (blockSum, error) {
	sum := blockSum{Bytes: size}
	seconds, err := bench.TimeAllReduce(dev, g, size/4, runs)
	if err != nil {
		return sum, err
	}
	if sum.Seconds, err = slowest(g, seconds); err != nil {
		return sum, err
	}
	n := float64(g.Place().Size)
	sum.Rate = 2 * (n - 1) / n * float64(size) / sum.Seconds
	return sum, nil
}

// step times a training step.
func (r *distReport) step(ctx context.Context, dev op.Device, g dist.ProcessGroup, o bench.Options, runs int) (median float64, err error) {
	work, err := bench.New(dev, o)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, work.Close()) }()
	r.Gradients = 4 * work.Trained()
	seconds, err := bench.TimeSteps(ctx, g, runs, work)
	if err != nil {
		return 0, err
	}
	return slowest(g, seconds)
}

// slowest is the longest of the processes' medians.
func slowest(g dist.ProcessGroup, seconds []float64) (float64, error) {
	mine := []int64{int64(median(seconds) * 1e9)}
	err := dist.MaxInts(g, mine)
	return float64(mine[0]) / 1e9, err
}

func (r *distReport) print(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v\n%d processes, %d on this machine\n\n", r.Machine, r.Processes, r.Local)
	w := ui.NumberTable(&b)
	fmt.Fprintf(w, "sum of\tseconds\tMB/s\t\n")
	for _, s := range r.Sums {
		fmt.Fprintf(w, "%s\t%.6f\t%.0f\t\n", op.FormatBytes(int64(s.Bytes)), s.Seconds, s.Rate/1e6)
	}
	fmt.Fprintf(w, "agreement\t%.6f\t\t\n", r.Agreement)
	w.Flush()
	fmt.Fprintf(&b, "\nstep of the meta stage, %s, %d×%d, batch %d: alone %.4f s, together %.4f s, efficiency %.3f\n",
		r.Backbone, r.Size, r.Size, r.Batch, r.Alone, r.Together, r.Efficiency)
	fmt.Fprintf(&b, "sum of its gradients, %s: %.6f s, %.2f%% of the step\n", op.FormatBytes(int64(r.Gradients)), r.Gradient, 100*r.Gradient/r.Together)
	_, err := out.Write(b.Bytes())
	return err
}
