package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"hdmnet/internal/op"
)

// print writes the report as a table; scores are in per cent.
func (r *report) print(out io.Writer) error {
	var b bytes.Buffer
	what := "trained"
	if r.Untrained {
		what = "untrained meta learner"
	}
	fmt.Fprintf(&b, "%s, %s, fold %v, %d-shot, %s\n", r.Dataset, r.Backbone, r.Fold, r.Shots, what)
	fmt.Fprintf(&b, "%d episodes per seed, seeds %v, %.1f s on %s, peak memory %s\n\n",
		r.EpisodesPerSeed, r.Seeds, r.Seconds, r.Device, op.FormatBytes(r.PeakMemory))
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "output\tmIoU\tFB-IoU\t\n")
	fmt.Fprintf(w, "final\t%s\t%s\t\n", r.percent(r.MIoU, r.MIoUStd), r.percent(r.FBIoU, r.FBIoUStd))
	fmt.Fprintf(w, "meta\t%.2f\t%.2f\t\n", 100*r.MIoUMeta, 100*r.FBIoUMeta)
	fmt.Fprintf(w, "base\t%.2f\t-\t  (over the base classes)\n", 100*r.MIoUBase)
	for _, f := range r.Folds {
		fmt.Fprintf(w, "fold %d\t%s\t%s\t\n", f.Fold, r.percent(f.MIoU, f.MIoUStd), r.percent(f.FBIoU, f.FBIoUStd))
	}
	w.Flush() // into memory: it cannot fail
	fmt.Fprintln(&b)
	for _, name := range slices.Sorted(maps.Keys(r.PerClass)) {
		fmt.Fprintf(w, "%s\t%.2f\t\n", name, 100*r.PerClass[name])
	}
	w.Flush()
	_, err := out.Write(b.Bytes())
	return err
}

// percent is a score, with its deviation where there are several seeds.
func (r *report) percent(mean, std float64) string {
	if len(r.Seeds) < 2 {
		return fmt.Sprintf("%.2f", 100*mean)
	}
	return fmt.Sprintf("%.2f ± %.2f", 100*mean, 100*std)
}
