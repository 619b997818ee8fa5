package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/train"
)

type benchDataOptions struct {
	*settings
	fold    int
	config  string
	mode    string
	seconds float64
	runs    int
	json    bool
}

func newBenchData(io Streams) *cobra.Command {
	o := &benchDataOptions{}
	cmd := &cobra.Command{
		Use:   "data",
		Short: "Pictures per second that the loader gives",
		Long: `Measure how many pictures a second the loader reads, decodes, augments and puts into
batches. Every picture of an episode counts, the query and each support. Nothing else
runs, so this is the most that training or evaluation could use.

With --mode train the pictures are augmented as in the meta stage; with --mode val they
are resized only. The result is the median of the runs. scripts/loader_peer.py measures
the same of PyTorch's DataLoader with OpenCV.`,
		Example: `  hdmnet bench data --config pascal5i_resnet50 --data-root VOC2012 --list val.txt --workers 2
  hdmnet bench data --config pascal5i_resnet50 --data-root VOC2012 --list val.txt --mode val --runs 5 --json
  hdmnet bench data`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBenchData(cmd.Context(), io, o) },
	}
	o.settings = newSettings(cmd)
	f := cmd.Flags()
	f.IntVar(&o.fold, "fold", 0, "fold of the data set")
	f.StringVar(&o.config, "config", "", "an embedded configuration (hdmnet config list) or a YAML file (default "+config.Default+")")
	f.StringVar(&o.mode, "mode", "train", "train: augmented pictures of base classes; val: plain ones of novel classes")
	f.Float64Var(&o.seconds, "seconds", 5, "seconds of a run")
	f.IntVar(&o.runs, "runs", 3, "number of runs")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	f.Int("shots", 0, "supports per episode")
	f.Int("size", 0, "side of the square input")
	f.Int("batch", 0, "episodes of a batch")
	f.Int("workers", 0, "goroutines that prepare batches")
	f.String("data-root", "", "`DIR` that the paths of the list start from")
	f.String("list", "", "`FILE` of image and mask pairs")
	o.bind("shots", "model.shots")
	o.bind("size", "model.size")
	o.bind("batch", "train.meta.batch")
	o.bind("workers", "train.workers")
	o.bind("data-root", "dataset.root")
	o.bind("list", "dataset.train_list", "dataset.val_list")
	completeConfig(cmd)
	complete(cmd, "fold", "0", "1", "2", "3")
	complete(cmd, "mode", "train", "val")
	return cmd
}

// benchDataReport is the result of `bench data`.
type benchDataReport struct {
	ImagesPerSecond float64   `json:"images_per_second"` // median of the runs
	Runs            []float64 `json:"runs"`              // images per second
	Images          int       `json:"images"`            // of all runs
	Seconds         float64   `json:"seconds"`           // of all runs
	// A worker's milliseconds a picture: reading and decoding, and all that follows.
	DecodeMS  float64 `json:"decode_ms"`
	PrepareMS float64 `json:"prepare_ms"`
	PeakMiB   float64 `json:"peak_mib"` // memory of the process
	Dataset   string  `json:"dataset"`
	Fold      int     `json:"fold"`
	Mode      string  `json:"mode"`
	Shots     int     `json:"shots"`
	Size      int     `json:"size"`
	Batch     int     `json:"batch"`
	Workers   int     `json:"workers"`
}

func runBenchData(ctx context.Context, io Streams, o *benchDataOptions) error {
	split := data.Train
	switch {
	case o.mode == "val":
		split = data.Val
	case o.mode != "train":
		return usagef("--mode %q, expected train or val", o.mode)
	}
	if !(o.seconds > 0) || o.runs < 1 {
		return usagef("--seconds %g and --runs %d: expected more than 0 seconds and at least 1 run", o.seconds, o.runs)
	}
	c, err := o.load(io, o.config)
	if err != nil {
		return err
	}
	fold, err := openFold(&c.Dataset, o.fold)
	if err != nil {
		return err
	}
	opened, err := openSource(&c.Dataset, fold, split)
	if err != nil {
		return err
	}
	index, err := buildIndex(ctx, io, &c.Dataset, opened, fold, split)
	if err != nil {
		return err
	}
	index, _ = index.WithoutScarce(c.Model.Shots)
	if len(index.Images) == 0 {
		return fmt.Errorf("%s, fold %d: no class has the %d pictures that a %d-shot episode takes; use a longer list or fewer --shots",
			c.Dataset.Name, fold.Index, c.Model.Shots+1, c.Model.Shots)
	}
	src := &timedSource{Source: opened}
	loader, err := data.NewLoader(data.LoaderOptions{
		Source: src, Index: index, Stage: data.Meta, Size: c.Model.Size, Shots: c.Model.Shots, Batch: c.Train.Meta.Batch,
		Episodes: 1 << 30, Seed: uint64(c.Train.Seed), Augment: train.Augmentation(&c.Train.Meta.Augment),
		Workers: c.Train.Workers, Prefetch: c.Train.Prefetch,
	})
	if err != nil {
		return err
	}
	defer loader.Close()
	report, err := measureLoader(ctx, io, loader, src, o)
	if err != nil {
		return err
	}
	report.Dataset, report.Fold, report.Mode = c.Dataset.Name, fold.Index, o.mode
	report.Shots, report.Size, report.Batch, report.Workers = c.Model.Shots, c.Model.Size, c.Train.Meta.Batch, c.Train.Workers
	workerMS := 1000 * report.Seconds * float64(report.Workers) / float64(report.Images)
	report.PrepareMS = max(0, workerMS-report.DecodeMS)
	if o.json {
		enc := json.NewEncoder(io.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(report)
	}
	_, err = fmt.Fprintf(io.Out, "%s fold %d, %s, %d-shot, %d×%d, batch %d, workers %d: %.1f images/s (median of %.1f)\n"+
		"a worker's time for a picture: %.2f ms to read and decode, %.2f ms to augment, resize and batch; peak memory %.0f MiB\n",
		report.Dataset, report.Fold, report.Mode, report.Shots, report.Size, report.Size, report.Batch, report.Workers,
		report.ImagesPerSecond, report.Runs, report.DecodeMS, report.PrepareMS, report.PeakMiB)
	return err
}

// measureLoader takes batches for the runs' time, after as many that are not counted as
// bring the workers and their memory to their steady state.
func measureLoader(ctx context.Context, io Streams, loader *data.Loader, src *timedSource, o *benchDataOptions) (benchDataReport, error) {
	var r benchDataReport
	next := func() (int, error) {
		b, err := loader.Next(ctx)
		if err != nil {
			return 0, err
		}
		n := b.Size * (1 + b.Shots)
		loader.Release(b)
		return n, nil
	}
	for range 16 {
		if _, err := next(); err != nil {
			return r, err
		}
	}
	bar := newProgress(io, "measuring the loader", "runs")
	defer bar.finish()
	pictures, inside := src.pictures.Load(), src.nanoseconds.Load()
	for i := range o.runs {
		images, start := 0, time.Now()
		for time.Since(start).Seconds() < o.seconds {
			n, err := next()
			if err != nil {
				return r, err
			}
			images += n
		}
		seconds := time.Since(start).Seconds()
		r.Images += images
		r.Seconds += seconds
		r.Runs = append(r.Runs, float64(images)/seconds)
		bar.update(i+1, o.runs, fmt.Sprintf("%.1f images/s", r.Runs[i]))
	}
	r.ImagesPerSecond = median(r.Runs)
	r.DecodeMS = float64(src.nanoseconds.Load()-inside) / 1e6 / float64(max(1, src.pictures.Load()-pictures))
	r.PeakMiB = float64(peakMemory()) / (1 << 20)
	return r, nil
}

// timedSource counts the pictures of a source and the time that reading them takes.
type timedSource struct {
	data.Source
	pictures, nanoseconds atomic.Int64
}

// LoadInto is the source's, or Load where it has none.
func (s *timedSource) LoadInto(scene *data.Scene, i int) error {
	start := time.Now()
	defer func() {
		s.pictures.Add(1)
		s.nanoseconds.Add(int64(time.Since(start)))
	}()
	if again, ok := s.Source.(data.ReuseSource); ok {
		return again.LoadInto(scene, i)
	}
	loaded, err := s.Source.Load(i)
	if err == nil {
		*scene = *loaded
	}
	return err
}
