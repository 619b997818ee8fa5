package eval

import (
	"errors"
	"fmt"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/data"
	"hdmnet/internal/eval"
	"hdmnet/internal/experiment"
	"hdmnet/internal/op"
)

// indexer finds the pictures that make episodes.
type indexer func(*experiment.Dataset, data.Source, experiment.Monitor) (*data.Index, error)

// scoreSeeds scores one network on the episodes of an index.
func scoreSeeds[R any](io ui.Streams, o *options, dev op.Device, t *experiment.Trained, index indexer,
	score func(*experiment.Network, *data.Loader, eval.Options) ([]R, error)) (results []R, err error) {
	monitor, finish := flags.Monitor(io)
	defer finish()
	net, err := t.Network(dev, t.Model.Shots, o.untrained, uint64(t.Train.Seed), monitor)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	if t.Model.Shots > 1 {
		o.fused = string(net.Fused(t.Model.Shots))
	}
	views, err := flags.Views(t.Config)
	if err != nil {
		return nil, err
	}
	if err := net.CacheFeatures(net.Tape, int64(t.Eval.FeatureCache)<<20); err != nil {
		return nil, err
	}
	return episodesOf(io, o, t, index, nil, func(loader *data.Loader, e eval.Options) ([]R, error) {
		e.Views, e.ViaInput = views, o.likeRelease()
		return score(net, loader, e)
	})
}

// episodesOf gives the episodes of an index under all seeds to a function that scores them. The
// seeds take turns, for they have the same queries in the same order, whose features are then at
// hand.
func episodesOf[R any](io ui.Streams, o *options, t *experiment.Trained, index indexer, resizer data.Resizer,
	score func(*data.Loader, eval.Options) ([]R, error)) (results []R, err error) {
	set, err := t.Open()
	if err != nil {
		return nil, err
	}
	set.ReadTogether(o.processes)
	refinement, err := flags.Refinement(t.Config)
	if err != nil {
		return nil, err
	}
	monitor, finish := flags.Monitor(io)
	defer finish()
	p := experiment.Pictures{Resizer: resizer}
	if p.Source, err = set.Source(data.Val, monitor); err != nil {
		return nil, err
	}
	if p.Index, err = index(set, p.Source, monitor); err != nil {
		return nil, err
	}
	finish()
	all, err := o.open(t.Config, &p)
	if err != nil {
		return nil, err
	}
	var runs []data.Drawer
	var counts []int
	for _, seed := range t.Eval.Seeds {
		runs, counts = append(runs, all[seed].Drawer), append(counts, all[seed].count)
	}
	draws := data.NewInterleaved(runs, counts)
	part := o.processes.Place().Shard(len(runs)) // episodes of one query stay together: their features are at hand
	loader, err := experiment.EpisodeLoader(t.Config, &p, draws, draws.Len(), t.Eval.Batch, part)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, loader.Close()) }()
	bar := ui.NewProgress(io, fmt.Sprintf("%v, %s", set.Fold, seedList(t.Eval.Seeds)), "episodes")
	defer bar.Finish()
	return score(loader, eval.Options{
		Fold: set.Fold, Total: draws.Len(), Runs: len(runs), Run: draws.Run,
		Refine: refinement, Boundary: t.Eval.BoundaryIoU, Together: o.together(draws.Len(), t.Eval.Batch, len(runs)),
		Progress: func(done, total int, running float64) {
			bar.Update(done, total, fmt.Sprintf("mIoU %.2f%%", 100*running))
		},
	})
}
