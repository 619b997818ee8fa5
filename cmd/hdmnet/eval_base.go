package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hdmnet/internal/data"
	"hdmnet/internal/eval"
	"hdmnet/internal/metric"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/weights"
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

func (o *evalOptions) evalBase(ctx context.Context, io Streams, dev op.Device, networks []*trained, start time.Time) error {
	first := networks[0]
	r := baseReport{Stage: o.stage, Size: first.Train.Base.Size, Dataset: first.Dataset.Name, Backbone: first.Model.Backbone, Device: dev.Name()}
	var folds []baseFold
	for _, t := range networks {
		f, err := baseLearner(ctx, io, dev, t)
		if err != nil {
			return err
		}
		if len(f.Missing) > 0 {
			io.warn("fold %d: no picture shows %s: the means are over the other classes", t.fold, strings.Join(f.Missing, ", "))
		}
		folds = append(folds, f)
		r.Weights = append(r.Weights, t.path)
	}
	r.baseFold = folds[0]
	if o.fold == "all" {
		r.Folds, r.baseFold = folds, averageBase(folds)
	}
	r.Seconds = time.Since(start).Seconds()
	if o.json {
		return printJSON(io, &r)
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
func baseLearner(ctx context.Context, io Streams, dev op.Device, t *trained) (f baseFold, err error) {
	fold, err := openFold(&t.Dataset, t.fold)
	if err != nil {
		return f, err
	}
	net, err := model.NewPSPNet(model.Options{Backbone: t.Model.Backbone, BaseClasses: len(fold.Base) + 1})
	if err != nil {
		return f, err
	}
	set, tape := nn.NewInferenceSet(dev, net, 0), nn.NewTape(dev)
	defer func() { err = errors.Join(err, tape.Arena.Close(), set.Close()) }()
	file, err := weights.Open(t.path)
	if err != nil {
		return f, err
	}
	defer file.Close()
	if err := net.LoadBase(set, file); err != nil {
		return f, fmt.Errorf("%s: %w", t.path, err)
	}
	src, err := openSource(&t.Dataset, fold, data.Val)
	if err != nil {
		return f, err
	}
	loader, err := data.NewLoader(data.LoaderOptions{
		Source: src, Index: data.AllImages(src, fold, data.Val), Stage: data.Base, Size: t.Train.Base.Size,
		Batch: t.Eval.Batch, Workers: t.Train.Workers, Prefetch: t.Train.Prefetch,
	})
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, loader.Close()) }()
	bar := newProgress(io, fmt.Sprintf("fold %d", fold.Index), "pictures")
	defer bar.finish()
	r, err := eval.Base(ctx, net, tape, loader, eval.Options{
		Fold: fold, Total: src.Len(),
		Progress: func(done, total int, running float64) {
			bar.update(done, total, fmt.Sprintf("mIoU %.2f%%", 100*running))
		},
	})
	if err != nil {
		return f, err
	}
	return baseFold{
		Fold: fold.Index, MIoU: r.Confusion.MIoU(), WithBackground: r.Confusion.MIoUWithBackground(),
		PerClass: r.PerClass(), Missing: r.Missing(), Pictures: r.Pictures,
	}, nil
}

// table is the report for people; scores are in per cent.
func (r *baseReport) table() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s, %s, fold %v, base learner\n", r.Dataset, r.Backbone, r.Fold)
	fmt.Fprintf(&b, "%d pictures at %d×%d, %.1f s on %s\n\n", r.Pictures, r.Size, r.Size, r.Seconds, r.Device)
	w := table(&b)
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
