package predict

import (
	"context"
	"errors"
	"fmt"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
	"hdmnet/internal/experiment"
	"hdmnet/internal/predict"
)

// untrained finds objects by the features of an encoder.
func (o *options) untrained(ctx context.Context, io ui.Streams, settings config.Options, work predict.Options, many predict.FolderOptions) (err error) {
	t, err := experiment.OpenEncoder(o.network.Source().File, o.method, settings)
	if err != nil {
		return err
	}
	work.Size, work.MaxPixels = t.Model.Size, t.Dataset.MaxPixels
	if work.Refine, err = flags.Refinement(t.Config); err != nil {
		return err
	}
	dev, err := flags.OpenDevice(ctx, io, t.Config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	io.Note("%s at %d×%d, %v", t.Model.Backbone, t.Model.Size, t.Model.Size, t.Untrained)
	s, err := t.Segmenter(dev)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	work.Finder = s
	cache := int64(t.Eval.FeatureCache) << 20
	if o.queryDir == "" {
		s.CacheFeatures(cache)
		_, err = predict.Run(ctx, nil, s.Tape, work)
		return wayOut(err)
	}
	supports := 0
	for _, c := range many.Classes {
		supports += len(c.Supports)
	}
	if all := int64(supports+1) * s.FeatureBytes(); cache > 0 && cache < all {
		cache = all // or every picture would need the encoder for all supports again
	}
	s.CacheFeatures(cache)
	many.Options = work
	network, err := t.Identity()
	if err != nil {
		return err
	}
	many.Network = fmt.Sprintf("%s, %v", network, t.Untrained)
	return o.folder(ctx, io, nil, s.Tape, many)
}
