package eval

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/data"
	"hdmnet/internal/eval"
	"hdmnet/internal/experiment"
	"hdmnet/internal/op"
)

// gfssOptions are the flags of `eval` about generalized few-shot segmentation.
type gfssOptions struct {
	on    bool
	tau   float64
	merge string
}

func (g *gfssOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&g.on, "gfss", false, "score base classes and the novel class together (generalized few-shot segmentation)")
	f.Float64Var(&g.tau, "tau", 0.9, "with --gfss: probability above which a pixel is of the novel class")
	f.StringVar(&g.merge, "merge", string(eval.MergeFinal), "with --gfss: which output comes first where both find a class, final (novel class) or base")
	flags.Complete(cmd, "merge", string(eval.MergeFinal), string(eval.MergeBase))
}

// check refuses values that mean nothing.
func (g *gfssOptions) check(s *flags.Settings) error {
	for _, flag := range []string{"tau", "merge"} {
		if s.Given(flag) && !g.on {
			return ui.Usagef("--%s goes with --gfss", flag)
		}
	}
	switch {
	case !(g.tau > 0 && g.tau < 1):
		return ui.Usagef("--tau is %v, expected a probability between 0 and 1, such as BAM's 0.9", g.tau)
	case g.merge != string(eval.MergeFinal) && g.merge != string(eval.MergeBase):
		return ui.Usagef("--merge is %q, expected final or base", g.merge)
	}
	return nil
}

// gfssReport is what `eval --gfss` prints as JSON.
type gfssReport struct {
	eval.GFSSSummary
	Tau   float64 `json:"tau"`
	Merge string  `json:"merge"`
	about
	Folds []gfssFold `json:"folds,omitempty"`
}

// gfssFold is one fold's part of --fold all.
type gfssFold struct {
	Fold int `json:"fold"`
	eval.GFSSSummary
}

func (o *options) evalGFSS(ctx context.Context, io ui.Streams, dev op.Device, networks []*experiment.Trained, start time.Time) error {
	r := gfssReport{about: o.about(networks, dev), Tau: o.gfss.tau, Merge: o.gfss.merge}
	var summaries []eval.GFSSSummary
	for _, t := range networks {
		s, err := o.gfssFold(ctx, io, dev, t)
		if err != nil {
			return batchAdvice(err)
		}
		if len(s.Missing) > 0 {
			io.Warn("fold %d: no episode showed %s: the means are over the other classes; use more episodes", t.Fold, strings.Join(s.Missing, ", "))
		}
		if s.NovelPixels == 0 {
			io.Warn("fold %d: softmax(final) is nowhere above τ = %v, so no pixel is taken for a novel class (merge layers near their initialization give at most 0.73); try a lower --tau", t.Fold, o.gfss.tau)
		}
		summaries = append(summaries, s)
	}
	r.GFSSSummary, r.ShotFusion = summaries[0], o.fused
	if o.fold == "all" {
		r.GFSSSummary = eval.AverageGFSS(summaries)
		for i, t := range networks {
			r.Folds = append(r.Folds, gfssFold{t.Fold, summaries[i]})
		}
	}
	r.Seconds, r.PeakMemory = time.Since(start).Seconds(), op.PeakMemory(dev)
	if o.json {
		return ui.PrintJSON(io, &r)
	}
	_, err := io.Out.Write(r.table())
	return err
}

// gfssFold scores one network under all seeds.
func (o *options) gfssFold(ctx context.Context, io ui.Streams, dev op.Device, t *experiment.Trained) (eval.GFSSSummary, error) {
	index := func(set *experiment.Dataset, src data.Source, m experiment.Monitor) (*data.Index, error) {
		return set.GFSSIndex(ctx, src, m)
	}
	results, err := scoreSeeds(io, o, dev, t, index, func(net *experiment.Network, loader *data.Loader, e eval.Options) ([]*eval.GFSSResult, error) {
		return eval.GFSS(ctx, net, net.Tape, loader, eval.GFSSOptions{Options: e, Tau: o.gfss.tau, Merge: eval.Merge(o.gfss.merge)})
	})
	if err != nil {
		return eval.GFSSSummary{}, err
	}
	return eval.SummarizeGFSS(results), nil
}

// table is the report for people; scores are in per cent.
func (r *gfssReport) table() []byte {
	var b bytes.Buffer
	r.head(&b)
	fmt.Fprintf(&b, "generalized few-shot: τ = %v, merge %s\n\n", r.Tau, r.Merge)
	w := ui.NumberTable(&b)
	row := func(name string, s *eval.GFSSSummary) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", name, r.percent(s.Novel, s.NovelStd), r.percent(s.Base, s.BaseStd), r.percent(s.All, s.AllStd))
	}
	fmt.Fprintf(w, "mIoU\tnovel\tbase\tall\t\n")
	row("", &r.GFSSSummary)
	for i := range r.Folds {
		row(fmt.Sprintf("fold %d", r.Folds[i].Fold), &r.Folds[i].GFSSSummary)
	}
	w.Flush()
	perClass(&b, r.PerClass)
	return b.Bytes()
}
