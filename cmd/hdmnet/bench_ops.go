package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"hdmnet/internal/bench"
)

func newBenchOps(io Streams) *cobra.Command {
	o := &benchWork{}
	cmd := &cobra.Command{
		Use:   "ops",
		Short: "Time of every operator on every shape that the network meets",
		Long: `Measure every operator, forward and backward, at the sizes at which the network calls
it: the network runs on made-up episodes, and the calls are timed where they happen, with
the data and the caches as they are then. The time is the median of all calls on the same
shapes, over all runs.

GF/s count the operations of the operator as it is defined, not as it is computed, so that
Winograd's algorithm and work on the foreground alone show as a higher rate. Operators
that are no sums of products have GB/s: every tensor passing the memory once.`,
		Example: `  hdmnet bench ops --config pascal5i_resnet50 --batch 1
  hdmnet bench ops --config coco20i_resnet50 --mode eval --size 633 --runs 3 --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBenchOps(cmd.Context(), io, o) },
	}
	o.flags(cmd, "train")
	o.warmupFlag(cmd)
	return cmd
}

// benchOpsReport is the result of `bench ops`.
type benchOpsReport struct {
	workload
	Runs  int         `json:"runs"`
	Calls []benchCall `json:"calls"` // those that take longest in a batch first
}

// benchCall is an operator on tensors of certain shapes.
type benchCall struct {
	Operator string  `json:"operator"`
	Shapes   string  `json:"shapes"`
	Calls    int     `json:"calls"` // in a batch
	MS       float64 `json:"ms"`    // of one call, median
	GFLOP    float64 `json:"gflop"` // of one call
	GB       float64 `json:"gb"`    // of one call
}

func runBenchOps(ctx context.Context, io Streams, o *benchWork) (err error) {
	dev, w, err := o.open(io)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	p, err := o.profile(ctx, io, dev, w)
	if err != nil {
		return err
	}
	r := newBenchOpsReport(w, p)
	if o.json {
		return printJSON(io, r)
	}
	return r.print(io.Out)
}

func newBenchOpsReport(w *workload, p *bench.Profile) *benchOpsReport {
	r := &benchOpsReport{workload: *w, Runs: len(p.Seconds)}
	for _, s := range p.Shapes() {
		r.Calls = append(r.Calls, benchCall{s.Operator, s.Shapes, s.PerRun, 1000 * median(s.Seconds), s.FLOP / giga, s.Bytes / giga})
	}
	slices.SortStableFunc(r.Calls, func(a, b benchCall) int {
		return cmp.Compare(float64(b.Calls)*b.MS, float64(a.Calls)*a.MS)
	})
	return r
}

func (r *benchOpsReport) print(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v, %d runs after %d\n\n", &r.workload, r.Runs, r.Warmup)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "calls\tms\tGF/s\tGB/s\toperator\tshapes\n")
	for _, c := range r.Calls {
		fmt.Fprintf(w, "%d\t%.3f\t%s\t%s\t%s\n", c.Calls, c.MS, rate(c.GFLOP, c.GB, c.MS/1000), c.Operator, c.Shapes)
	}
	w.Flush() // into memory: it cannot fail
	_, err := out.Write(b.Bytes())
	return err
}
