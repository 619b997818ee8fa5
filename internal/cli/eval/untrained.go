package eval

import (
	"context"
	"errors"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/eval"
	"hdmnet/internal/experiment"
	"hdmnet/internal/op"
)

// checkMethod refuses what a method without training has no answer to.
func (o *options) checkMethod() error {
	if err := flags.CheckMethod(o.Settings, o.method); err != nil || o.method == flags.MethodHDMNet {
		return err
	}
	for _, flag := range []string{"gfss", "stage", "untrained"} {
		if o.Given(flag) {
			return ui.Usagef("--%s is about a trained network; leave it out with --method %s", flag, o.method)
		}
	}
	return nil
}

// encoders are what is scored of an encoder: the novel classes of a fold, of every fold, or a set.
func (o *options) encoders(options config.Options, wanted int) ([]*experiment.Trained, error) {
	t, err := experiment.OpenEncoder(flags.WithKey(o.weights, o.key), o.method, options)
	if err != nil {
		return nil, err
	}
	if err := o.adopt(t.Config); err != nil {
		return nil, err
	}
	if o.fold != "all" {
		return []*experiment.Trained{t}, t.SettleUntrained(wanted)
	}
	folds, err := experiment.Folds(&t.Dataset)
	if err != nil {
		return nil, err
	}
	all := make([]*experiment.Trained, folds)
	for f := range all {
		one := *t
		c := *t.Config
		one.Config = &c
		if err := one.SettleUntrained(f); err != nil {
			return nil, err
		}
		all[f] = &one
	}
	return all, nil
}

// findSeeds scores an encoder without training on the episodes of an index; keep may be nil.
func (o *options) findSeeds(ctx context.Context, io ui.Streams, dev op.Device, t *experiment.Trained, index indexer, keep *resultKeeper) ([]*eval.Result, error) {
	if o.segmenter == nil { // one for all folds and shots
		s, err := t.Segmenter(dev)
		if err = o.processes.Agree(err); err != nil {
			return nil, err
		}
		s.CacheFeatures(int64(t.Eval.FeatureCache) << 20)
		o.segmenter = s
	}
	s := o.segmenter
	return episodesOf(io, o, t, index, s, func(loader *data.Loader, e eval.Options) ([]*eval.Result, error) {
		if keep != nil {
			e.Seen = keep.add
		}
		return eval.Find(ctx, s, s.Tape, loader, e)
	})
}

// closeSegmenter frees the encoder, where there is one.
func (o *options) closeSegmenter(err error) error {
	if o.segmenter == nil {
		return err
	}
	return errors.Join(err, o.segmenter.Close())
}
