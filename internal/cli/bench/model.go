package bench

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"hdmnet/internal/bench"
	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/experiment"
	"hdmnet/internal/model"
	"hdmnet/internal/op"
)

type modelOptions struct {
	workFlags
	ops, trace bool
}

func newModel(io ui.Streams) *cobra.Command {
	o := &modelOptions{}
	cmd := &cobra.Command{
		Use:   "model",
		Short: "Time the network: an evaluation or a training step",
		Long: `Time the network on a batch of episodes: an evaluation (--mode eval) or a training step of
the meta stage (--mode train).

An evaluation is timed from pictures in memory to the masks of the three outputs at the
pictures' size; a training step is forward, losses, backward and the optimizer. Weights and
pictures are made up, the same on every machine, and no file is read.

GF are 10⁹ floating-point operations as the released program computes them. This program
avoids many of them, so that GF/s can be above the measured peak of large matrix products.

Two tables follow, from further runs. The table of parts says how long each part of the
network takes; on a GPU with CUDA graphs, and with every kernel launched by itself. Its floor
is the least time that the operators need at the measured rates of matrix products and
copies. The table of operators times each operator by itself (--ops=false leaves it out).

--trace times nothing. It counts what one batch gives to a GPU, part by part and kernel by
kernel: launches, zeroings, copies, and the bytes of their operands.`,
		Example: `  hdmnet bench model --config pascal5i_resnet50
  hdmnet bench model --config coco20i_resnet50 --size 633 --shots 5 --ops=false --json
  hdmnet bench model --config pascal5i_resnet50 --mode train --batch 2 --runs 3`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return runModel(cmd.Context(), io, o) },
	}
	o.flags(cmd, "eval")
	o.warmupFlag(cmd)
	cmd.Flags().BoolVar(&o.ops, "ops", true, "also time each operator by itself, in further runs")
	cmd.Flags().BoolVar(&o.trace, "trace", false, "instead of timing it, count what a batch gives to a GPU: launches, copies and bytes")
	return cmd
}

// modelReport is the result of `bench model`.
type modelReport struct {
	workload
	Seconds           spread         `json:"seconds"` // of a batch
	EpisodesPerSecond float64        `json:"episodes_per_second"`
	ReleaseGFLOP      float64        `json:"release_gflop"`     // of a batch, as the release computes it
	ReleaseGFLOPS     float64        `json:"release_gflop_s"`   // these a second
	PeakGFLOPS        float64        `json:"peak_gflop_s"`      // of large matrix products
	ShareOfPeak       float64        `json:"share_of_peak"`     // may exceed 1
	PeakMiB           float64        `json:"peak_mib"`          // memory of the process
	DeviceMiB         float64        `json:"device_peak_mib"`   // of a device with memory of its own; else 0
	ActivationsMiB    float64        `json:"activations_mib"`   // most in use at a time
	ArenaMiB          float64        `json:"arena_mib"`         // held for them
	Result            float64        `json:"result"`            // foreground share of the last evaluation, loss of the last step
	Operators         []operatorTime `json:"operators"`         // of a batch, longest first
	OperatorsSeconds  *spread        `json:"operators_seconds"` // of the runs that Operators are from; null without
	Stages            *stagesReport  `json:"stages"`            // likewise
}

// operatorTime is one operator's part of a batch; rates of operators that are no sums of
// products are those of their memory alone.
type operatorTime struct {
	Name  string  `json:"name"`
	Calls int     `json:"calls"`
	MS    float64 `json:"ms"`
	GFLOP float64 `json:"gflop"`
	GB    float64 `json:"gb"` // every tensor passing the memory once
}

func runModel(ctx context.Context, io ui.Streams, o *modelOptions) (err error) {
	dev, w, err := o.open(ctx, io)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	if o.trace {
		return runTrace(ctx, io, o, dev, w)
	}
	cost, err := model.EpisodeCost(experiment.ModelOptions(w.options.Config, w.options.Fold, w.Shots), w.Size)
	if err != nil {
		return err
	}
	r := modelReport{workload: *w, ReleaseGFLOP: cost.Forward()}
	if w.options.Train {
		r.ReleaseGFLOP += cost.Backward()
	}
	r.ReleaseGFLOP *= float64(w.Batch) / giga
	if err := r.time(ctx, io, dev, o); err != nil {
		return err
	}
	peak, err := bench.Peak(ctx, dev)
	if err != nil {
		return err
	}
	r.EpisodesPerSecond = float64(w.Batch) / r.Seconds.Median
	r.ReleaseGFLOPS = r.ReleaseGFLOP / r.Seconds.Median
	r.PeakGFLOPS = peak / giga
	r.ShareOfPeak = r.ReleaseGFLOPS / r.PeakGFLOPS
	if o.ops {
		p, err := o.profile(ctx, io, dev, w)
		if err != nil {
			return err
		}
		r.operators(p)
		if r.Stages, err = newStagesReport(ctx, io, dev, o, &r, p); err != nil {
			return err
		}
	}
	if o.json {
		return ui.PrintJSON(io, &r)
	}
	return r.print(io.Out)
}

// time runs the work, and leaves nothing of it in memory.
func (r *modelReport) time(ctx context.Context, io ui.Streams, dev op.Device, o *modelOptions) (err error) {
	work, err := bench.New(dev, r.options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, work.Close()) }()
	runs, bar := o.count(io, "timing the network")
	defer bar.Finish()
	seconds, err := bench.Measure(ctx, runs, work.Run)
	if err != nil {
		return err
	}
	if err := work.Finish(); err != nil {
		return err
	}
	r.Seconds, r.Result = newSpread(seconds), work.Result()
	r.DeviceMiB = float64(op.PeakMemory(dev)) / mib
	r.PeakMiB = float64(peakMemory()) / mib
	r.ActivationsMiB, r.ArenaMiB = float64(work.Arena().Peak())/mib, float64(work.Arena().Held())/mib
	return nil
}

// operators takes the table from a profile.
func (r *modelReport) operators(p *bench.Profile) {
	for _, q := range p.Operators() {
		r.Operators = append(r.Operators, operatorTime{q.Name, q.Calls, 1000 * median(q.Seconds), q.FLOP / giga, q.Bytes / giga})
	}
	slices.SortStableFunc(r.Operators, func(a, b operatorTime) int { return cmp.Compare(b.MS, a.MS) })
	s := newSpread(p.Seconds)
	r.OperatorsSeconds = &s
}

func (r *modelReport) print(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v, %d runs after %d\n\n", &r.workload, len(r.Seconds.Runs), r.Warmup)
	s := r.Seconds
	fmt.Fprintf(&b, "time         %.3f s (%.3f to %.3f), %.3g episodes/s\n", s.Median, s.Min, s.Max, r.EpisodesPerSecond)
	fmt.Fprintf(&b, "rate         %.1f GF as the release computes it: %.1f GF/s, %.0f%% of the %.1f GF/s of large matrix products\n",
		r.ReleaseGFLOP, r.ReleaseGFLOPS, 100*r.ShareOfPeak, r.PeakGFLOPS)
	fmt.Fprintf(&b, "memory       %.0f MiB at most; activations %.0f MiB in use of %.0f MiB held\n", r.PeakMiB, r.ActivationsMiB, r.ArenaMiB)
	if r.DeviceMiB > 0 {
		fmt.Fprintf(&b, "             %.0f MiB of the device's\n", r.DeviceMiB)
	}
	if r.options.Train {
		fmt.Fprintf(&b, "result       loss %.6g\n", r.Result)
	} else {
		fmt.Fprintf(&b, "result       %.4f%% foreground\n", 100*r.Result)
	}
	if r.Stages != nil {
		r.Stages.print(&b)
	}
	if r.OperatorsSeconds != nil {
		total := 1000 * r.OperatorsSeconds.Median
		rest := total
		fmt.Fprintf(&b, "\noperators of a batch, from runs of %.1f ms with each timed by itself\n\n", total)
		w := ui.NumberTable(&b)
		fmt.Fprintf(w, "operator\tcalls\tms\tshare\tGF\tGF/s\tGB/s\t\n")
		for _, q := range r.Operators {
			fmt.Fprintf(w, "%s\t%d\t%.2f\t%.1f%%\t%s\t%s\t\n", q.Name, q.Calls, q.MS, 100*q.MS/total, amount(q.GFLOP), rate(q.GFLOP, q.GB, q.MS/1000))
			rest -= q.MS
		}
		fmt.Fprintf(w, "outside\t\t%.2f\t%.1f%%\t\t\t\t\n", rest, 100*rest/total)
		w.Flush() // into memory: it cannot fail
	}
	_, err := out.Write(b.Bytes())
	return err
}

// amount is a number of 10⁹ operations, or a dash for none.
func amount(gflop float64) string {
	if gflop == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3g", gflop)
}

// rate is two cells: GF/s where operations are counted, GB/s where they are not.
func rate(gflop, gb, seconds float64) string {
	switch {
	case gflop > 0:
		return fmt.Sprintf("%.1f\t-", gflop/seconds)
	case gb > 0:
		return fmt.Sprintf("-\t%.1f", gb/seconds)
	}
	return "-\t-"
}
