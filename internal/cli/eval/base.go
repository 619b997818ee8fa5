package eval

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/data"
	"hdmnet/internal/eval"
	"hdmnet/internal/experiment"
	"hdmnet/internal/metric"
	"hdmnet/internal/op"
)

// baseFold is the score of one fold's base learner.
type baseFold struct {
	Fold           any                `json:"fold"` // a number, or "all"
	MIoU           float64            `json:"miou"`
	WithBackground float64            `json:"miou_with_background"`
	PerClass       map[string]float64 `json:"per_class,omitempty"`
	Missing        []string           `json:"classes_without_pixels,omitempty"`
	Pictures       int                `json:"pictures"`
}

// baseReport is what `eval --stage base` prints as JSON.
type baseReport struct {
	Stage string `json:"stage"`
	baseFold
	Folds    []baseFold `json:"folds,omitempty"`
	Size     int        `json:"size"` // side of the network's input
	Dataset  string     `json:"dataset"`
	Backbone string     `json:"backbone"`
	Weights  []string   `json:"weights"`
	Device   string     `json:"device"`
	Seconds  float64    `json:"seconds"`
}

func (o *options) evalBase(ctx context.Context, io ui.Streams, dev op.Device, networks []*experiment.Trained, start time.Time) error {
	first := networks[0]
	r := baseReport{Stage: o.stage, Size: first.Train.Base.Size, Dataset: first.Dataset.Name, Backbone: first.Model.Backbone, Device: dev.Name()}
	var folds []baseFold
	for _, t := range networks {
		f, err := o.baseLearner(ctx, io, dev, t)
		if err != nil {
			return err
		}
		if len(f.Missing) > 0 {
			io.Warn("fold %d: no picture shows %s: the means are over the other classes", t.Fold, strings.Join(f.Missing, ", "))
		}
		folds = append(folds, f)
		r.Weights = append(r.Weights, t.Path)
	}
	r.baseFold = folds[0]
	if o.fold == "all" {
		r.Folds, r.baseFold = folds, averageBase(folds)
	}
	r.Seconds = time.Since(start).Seconds()
	if o.json {
		return ui.PrintJSON(io, &r)
	}
	_, err := io.Out.Write(r.table())
	return err
}

// averageBase is the mean over folds, in which a class has as many scores as it is base
// in: it has none per class.
func averageBase(folds []baseFold) baseFold {
	all := baseFold{Fold: "all"}
	var miou, with []float64
	for _, f := range folds {
		miou, with = append(miou, f.MIoU), append(with, f.WithBackground)
		all.Pictures += f.Pictures
	}
	all.MIoU, _ = metric.MeanStd(miou)
	all.WithBackground, _ = metric.MeanStd(with)
	return all
}

// baseLearner scores a base learner on every picture of the validation list, as BAM's
// train_base.py validates: also on those that show no base class.
func (o *options) baseLearner(ctx context.Context, io ui.Streams, dev op.Device, t *experiment.Trained) (f baseFold, err error) {
	set, err := t.Open()
	if err != nil {
		return f, err
	}
	net, err := t.BaseLearner(dev)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	monitor, _ := flags.Monitor(io)
	src, err := set.Source(data.Val, monitor)
	if err != nil {
		return f, err
	}
	loader, err := experiment.PictureLoader(t.Config, src, set.Fold, t.Eval.Batch, o.processes.Place().Shard(1))
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, loader.Close()) }()
	bar := ui.NewProgress(io, fmt.Sprintf("fold %d", set.Fold.Index), "pictures")
	defer bar.Finish()
	r, err := eval.Base(ctx, net, net.Tape, loader, eval.Options{
		Fold: set.Fold, Total: src.Len(), Together: o.together(src.Len(), t.Eval.Batch, 1),
		Progress: func(done, total int, running float64) {
			bar.Update(done, total, fmt.Sprintf("mIoU %.2f%%", 100*running))
		},
	})
	if err != nil {
		return f, err
	}
	return baseFold{
		Fold: set.Fold.Index, MIoU: r.Confusion.MIoU(), WithBackground: r.Confusion.MIoUWithBackground(),
		PerClass: r.PerClass(), Missing: r.Missing(), Pictures: r.Pictures,
	}, nil
}

// table is the report for people; scores are in per cent.
func (r *baseReport) table() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s, %s, fold %v, base learner\n", r.Dataset, r.Backbone, r.Fold)
	fmt.Fprintf(&b, "%d pictures at %d×%d, %.1f s on %s\n\n", r.Pictures, r.Size, r.Size, r.Seconds, r.Device)
	w := ui.NumberTable(&b)
	fmt.Fprintf(w, "\tmIoU\twith background\t\n")
	row := func(name string, f *baseFold) {
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t\n", name, 100*f.MIoU, 100*f.WithBackground)
	}
	row("base classes", &r.baseFold)
	for i := range r.Folds {
		row(fmt.Sprintf("fold %v", r.Folds[i].Fold), &r.Folds[i])
	}
	w.Flush()
	perClass(&b, r.PerClass)
	return b.Bytes()
}
