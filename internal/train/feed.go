package train

import (
	"fmt"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
)

// feed is where a stage's batches come from.
type feed struct {
	train  *data.Loader
	images int // that train draws from
	// val gives the episodes, or pictures, of a validation, one a batch; nil: there is none.
	val *data.Loader
}

// feed opens the loaders of a stage. The base stage takes every picture, as the release
// does, also one that shows no base class: novel and other classes are background to it.
func (t *trainer) feed(stage string) (*feed, error) {
	c := t.Config
	annotation, err := data.ParseAnnotation(c.Dataset.Annotation)
	if err != nil {
		return nil, err
	}
	o := data.LoaderOptions{
		Source: t.Train.Source, Index: t.Train.Index, Stage: data.Meta, Size: c.Model.Size, Shots: c.Model.Shots,
		Batch: c.Train.Meta.Batch, DropLast: true, Seed: uint64(c.Train.Seed), Augment: Augmentation(&c.Train.Meta.Augment),
		Workers: c.Train.Workers, Prefetch: c.Train.Prefetch, Annotation: annotation,
	}
	every := c.Train.Meta.ValidateEvery
	if stage == Base {
		o.Stage, o.Size, o.Batch, o.Augment = data.Base, c.Train.Base.Size, c.Train.Base.Batch, Augmentation(&c.Train.Base.Augment)
		o.Index = data.AllImages(t.Train.Source, t.Fold, data.Train)
		every = c.Train.Base.ValidateEvery
	}
	if err := shard(&o, t.Group); err != nil {
		return nil, fmt.Errorf("stage %s: %w", stage, err)
	}
	f := &feed{images: len(o.Index.Images)}
	if f.train, err = data.NewLoader(o); err != nil {
		return nil, fmt.Errorf("stage %s: %w", stage, err)
	}
	if t.Val == nil || every == 0 {
		return f, nil
	}
	o.Drawer = nil
	o.Source, o.Index, o.Batch, o.DropLast, o.Augment = t.Val.Source, t.Val.Index, 1, false, data.AugmentOptions{}
	o.Seed, o.Episodes = uint64(c.Train.Meta.ValidateSeed), c.Train.Meta.ValidateEpisodes
	if stage == Base {
		o.Index, o.Episodes = data.AllImages(t.Val.Source, t.Fold, data.Val), 0
	} else {
		o.Drawer = data.NewReleaseDrawer(o.Index, o.Shots, o.Seed, c.Eval.EmulatedDataLoaderWorkers)
	}
	if f.val, err = data.NewLoader(o); err != nil {
		f.train.Close()
		return nil, fmt.Errorf("stage %s, validation: %w", stage, err)
	}
	return f, nil
}

func (f *feed) close() {
	f.train.Close()
	if f.val != nil {
		f.val.Close()
	}
}

// Augmentation is the setting as the loader takes it.
func Augmentation(c *config.Augment) data.AugmentOptions {
	return data.AugmentOptions{
		ScaleMin: c.Scale[0], ScaleMax: c.Scale[1], RotateDegrees: c.Rotate,
		RotateProb: c.RotateProbability, BlurProb: c.BlurProbability, FlipProb: c.FlipProbability,
	}
}
