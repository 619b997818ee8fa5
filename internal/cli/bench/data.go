package bench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/experiment"
)

type dataOptions struct {
	*flags.Settings
	fold    int
	config  string
	split   string
	seconds float64
	runs    int
	json    bool
}

func newData(io ui.Streams) *cobra.Command {
	o := &dataOptions{}
	cmd := &cobra.Command{
		Use:   "data",
		Short: "Time the data loader: pictures per second",
		Long: `Time the data loader: how many pictures a second it reads, decodes, augments and puts into
batches. The query and every support of an episode count.

Nothing else runs, so this is the highest rate that training or evaluation can use. With
--split train, pictures are augmented as in the meta stage; with --split val they are only
resized. The result is the median of the runs. scripts/loader_peer.py measures the same for
PyTorch's DataLoader with OpenCV.`,
		Example: `  hdmnet bench data --config pascal5i_resnet50 --data-root VOC2012 --list val.txt --workers 2
  hdmnet bench data --config pascal5i_resnet50 --data-root VOC2012 --list val.txt \
      --split val --runs 5 --json
  hdmnet bench data`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return runData(cmd.Context(), io, o) },
	}
	o.Settings = flags.NewSettings(cmd)
	f := cmd.Flags()
	f.IntVar(&o.fold, "fold", 0, "fold of the data set, 0 to 3")
	flags.Config(cmd, &o.config)
	f.StringVar(&o.split, "split", "train", "part of the data: train, augmented pictures of base classes, or val, plain pictures of novel classes")
	flags.Renamed(io, cmd, "mode", "split")
	f.Float64Var(&o.seconds, "seconds", 5, "seconds that each run takes")
	f.IntVar(&o.runs, "runs", 3, "runs to measure")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	flags.Shots(o.Settings)
	f.Int("size", 0, "side of the network's square input in pixels")
	f.Int("batch", 0, "episodes in a batch")
	f.Int("workers", 0, "threads that prepare batches")
	flags.Root(o.Settings)
	f.String("list", "", "`FILE` with the paths of an image and its mask on each line")
	o.Bind("size", "model.size")
	o.Bind("batch", "train.meta.batch")
	o.Bind("workers", "train.workers")
	o.Bind("list", "dataset.train_list", "dataset.val_list")
	flags.Folds(cmd)
	flags.Complete(cmd, "split", "train", "val")
	return cmd
}

// dataReport is the result of `bench data`.
type dataReport struct {
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
	Split     string  `json:"split"`
	Shots     int     `json:"shots"`
	Size      int     `json:"size"`
	Batch     int     `json:"batch"`
	Workers   int     `json:"workers"`
}

func runData(ctx context.Context, io ui.Streams, o *dataOptions) error {
	split, err := flags.ParseSplit(o.split)
	if err != nil {
		return err
	}
	if !(o.seconds > 0) || o.runs < 1 {
		return ui.Usagef("--seconds %g and --runs %d: expected more than 0 seconds and at least 1 run", o.seconds, o.runs)
	}
	c, err := o.Load(io, o.config)
	if err != nil {
		return err
	}
	set, err := experiment.Open(&c.Dataset, o.fold)
	if err != nil {
		return err
	}
	monitor, finish := flags.Monitor(io)
	opened, err := set.Source(split, monitor)
	if err != nil {
		return err
	}
	index, err := set.Index(ctx, opened, split, monitor)
	finish()
	if err != nil {
		return err
	}
	index, _ = index.WithoutScarce(c.Model.Shots)
	if len(index.Images) == 0 {
		return fmt.Errorf("%s, fold %d: no class has the %d pictures that a %d-shot episode takes; use a longer list or fewer --shots",
			c.Dataset.Name, o.fold, c.Model.Shots+1, c.Model.Shots)
	}
	src := &timedSource{Source: opened}
	loader, err := measuredLoader(c, &experiment.Pictures{Source: src, Index: index}, set.Fold, split)
	if err != nil {
		return err
	}
	defer loader.Close()
	report, err := measureLoader(ctx, io, loader, src, o)
	if err != nil {
		return err
	}
	report.Dataset, report.Fold, report.Split = c.Dataset.Name, o.fold, o.split
	report.Shots, report.Size, report.Batch, report.Workers = c.Model.Shots, c.Model.Size, c.Train.Meta.Batch, c.Train.Workers
	workerMS := 1000 * report.Seconds * float64(report.Workers) / float64(report.Images)
	report.PrepareMS = max(0, workerMS-report.DecodeMS)
	if o.json {
		return ui.PrintJSON(io, report)
	}
	_, err = fmt.Fprintf(io.Out, "%s fold %d, %s, %d-shot, %d×%d, batch %d, workers %d: %.1f images/s (median of %.1f)\n"+
		"a worker's time for a picture: %.2f ms to read and decode, %.2f ms to augment, resize and batch; peak memory %.0f MiB\n",
		report.Dataset, report.Fold, report.Split, report.Shots, report.Size, report.Size, report.Batch, report.Workers,
		report.ImagesPerSecond, report.Runs, report.DecodeMS, report.PrepareMS, report.PeakMiB)
	return err
}

// endless is the length of an epoch that no measurement reaches.
const endless = 1 << 30

// measuredLoader is the loader of the meta stage for the part of the data: augmented
// pictures of base classes, or plain ones of novel classes.
func measuredLoader(c *config.Config, p *experiment.Pictures, fold data.Fold, split data.Split) (*data.Loader, error) {
	if split == data.Val {
		draws := data.NewDrawer(p.Index, data.Meta, c.Model.Shots, uint64(c.Train.Seed))
		return experiment.EpisodeLoader(c, p, draws, endless, c.Train.Meta.Batch, dist.Shard{})
	}
	loader, _, err := experiment.TrainLoader(c, p, fold, data.Meta, dist.Solo{}.Place())
	return loader, err
}

// measureLoader takes batches for the runs' time, after as many that are not counted as
// bring the workers and their memory to their steady state.
func measureLoader(ctx context.Context, io ui.Streams, loader *data.Loader, src *timedSource, o *dataOptions) (dataReport, error) {
	var r dataReport
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
	bar := ui.NewProgress(io, "measuring the loader", "runs")
	defer bar.Finish()
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
		bar.Update(i+1, o.runs, fmt.Sprintf("%.1f images/s", r.Runs[i]))
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
