package eval

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/data"
	"hdmnet/internal/op"
)

// print writes the report as a table; scores are in per cent.
func (r *report) print(out io.Writer) error {
	var b bytes.Buffer
	r.head(&b)
	w := ui.NumberTable(&b)
	fmt.Fprintf(w, "output\tmIoU\tFB-IoU\t\n")
	fmt.Fprintf(w, "final\t%s\t%s\t\n", r.percent(r.MIoU, r.MIoUStd), r.percent(r.FBIoU, r.FBIoUStd))
	if r.MIoUMeta != nil {
		fmt.Fprintf(w, "meta\t%.2f\t%.2f\t\n", 100**r.MIoUMeta, 100**r.FBIoUMeta)
	}
	if r.MIoUBase != nil {
		fmt.Fprintf(w, "base\t%.2f\t-\t  (over the base classes)\n", 100**r.MIoUBase)
	}
	if r.BoundaryMIoU != nil {
		fmt.Fprintf(w, "final, boundaries\t%.2f\t-\t\n", 100**r.BoundaryMIoU)
	}
	for _, f := range r.Folds {
		fmt.Fprintf(w, "fold %d\t%s\t%s\t\n", f.Fold, r.percent(f.MIoU, f.MIoUStd), r.percent(f.FBIoU, f.FBIoUStd))
	}
	w.Flush() // into memory: it cannot fail
	perClass(&b, r.PerClass)
	_, err := out.Write(b.Bytes())
	return err
}

// head says what was scored.
func (a *about) head(b *bytes.Buffer) {
	what := "trained"
	switch {
	case a.Method != "":
		what = a.Method + ", without training"
	case a.Untrained:
		what = "untrained meta learner"
	}
	fmt.Fprintf(b, "%s, %s, %s, ", a.Dataset, a.Backbone, a.foldName())
	if a.Shots > 0 {
		fmt.Fprintf(b, "%d-shot, ", a.Shots)
	}
	fmt.Fprint(b, what)
	if a.ShotFusion != "" {
		fmt.Fprintf(b, ", shots fused: %s", a.ShotFusion)
	}
	if a.TTA != "" {
		fmt.Fprintf(b, ", views: %s", a.TTA)
	}
	if a.Refine != "" {
		fmt.Fprintf(b, ", refined: %s", a.Refine)
	}
	if a.Annotation != data.AnnotationMask.String() {
		fmt.Fprintf(b, ", supports marked by %s", a.Annotation)
	}
	fmt.Fprintf(b, "\n%d episodes per seed, seeds %v, %.1f s on %s, peak memory %s\n\n",
		a.EpisodesPerSeed, a.Seeds, a.Seconds, a.Device, op.FormatBytes(a.PeakMemory))
}

// foldName says which classes the scores are over.
func (a *about) foldName() string {
	if a.Fold == any(allClasses) {
		return allClasses
	}
	return fmt.Sprintf("fold %v", a.Fold)
}

// perClass writes the scores of classes, by name.
func perClass(b *bytes.Buffer, scores map[string]float64) {
	fmt.Fprintln(b)
	w := ui.NumberTable(b)
	for _, name := range slices.Sorted(maps.Keys(scores)) {
		fmt.Fprintf(w, "%s\t%.2f\t\n", name, 100*scores[name])
	}
	w.Flush()
}

// percent is a score, with its deviation where there are several seeds.
func (a *about) percent(mean, std float64) string {
	if len(a.Seeds) < 2 {
		return fmt.Sprintf("%.2f", 100*mean)
	}
	return fmt.Sprintf("%.2f ± %.2f", 100*mean, 100*std)
}
