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
)

func newOps(io ui.Streams) *cobra.Command {
	o := &workFlags{}
	cmd := &cobra.Command{
		Use:   "ops",
		Short: "Time every operator at the shapes that the network uses",
		Long: `Time every operator, forward and backward, at the shapes that the network uses.

The network runs on made-up episodes, and each call is timed where it happens, with the data
and the caches as they are then. The time is the median over all calls on the same shapes
and all runs.

GF/s count an operator's operations as it is defined, not as it is computed: faster
algorithms, such as Winograd's, show as a higher rate. Operators without matrix products
have GB/s instead, with every tensor read or written once.`,
		Example: `  hdmnet bench ops --config pascal5i_resnet50 --batch 1
  hdmnet bench ops --config coco20i_resnet50 --mode eval --size 633 --runs 3 --json`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return runOps(cmd.Context(), io, o) },
	}
	o.flags(cmd, "train")
	o.warmupFlag(cmd)
	return cmd
}

// opsReport is the result of `bench ops`.
type opsReport struct {
	workload
	Runs  int        `json:"runs"`
	Calls []callTime `json:"calls"` // those that take longest in a batch first
}

// callTime is an operator on tensors of certain shapes.
type callTime struct {
	Operator string  `json:"operator"`
	Shapes   string  `json:"shapes"`
	Calls    int     `json:"calls"` // in a batch
	MS       float64 `json:"ms"`    // of one call, median
	GFLOP    float64 `json:"gflop"` // of one call
	GB       float64 `json:"gb"`    // of one call
}

func runOps(ctx context.Context, io ui.Streams, o *workFlags) (err error) {
	dev, w, err := o.open(ctx, io)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	p, err := o.profile(ctx, io, dev, w)
	if err != nil {
		return err
	}
	r := newOpsReport(w, p)
	if o.json {
		return ui.PrintJSON(io, r)
	}
	return r.print(io.Out)
}

func newOpsReport(w *workload, p *bench.Profile) *opsReport {
	r := &opsReport{workload: *w, Runs: len(p.Seconds)}
	for _, s := range p.Shapes() {
		r.Calls = append(r.Calls, callTime{s.Operator, s.Shapes, s.PerRun, 1000 * median(s.Seconds), s.FLOP / giga, s.Bytes / giga})
	}
	slices.SortStableFunc(r.Calls, func(a, b callTime) int {
		return cmp.Compare(float64(b.Calls)*b.MS, float64(a.Calls)*a.MS)
	})
	return r
}

func (r *opsReport) print(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v, %d runs after %d\n\n", &r.workload, r.Runs, r.Warmup)
	w := ui.TextTable(&b)
	fmt.Fprintf(w, "calls\tms\tGF/s\tGB/s\toperator\tshapes\n")
	for _, c := range r.Calls {
		fmt.Fprintf(w, "%d\t%.3f\t%s\t%s\t%s\n", c.Calls, c.MS, rate(c.GFLOP, c.GB, c.MS/1000), c.Operator, c.Shapes)
	}
	w.Flush() // into memory: it cannot fail
	_, err := out.Write(b.Bytes())
	return err
}
