package experiment

import (
	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/dist"
)

// TrainLoader gives a process its batches of a training stage: random episodes (data.Meta) or
// pictures (data.Base), augmented. It returns how many batches an epoch has in all processes
// together. The base stage takes every picture, as the release does, also one that shows no
// base class: novel and other classes are background to it.
func TrainLoader(c *config.Config, p *Pictures, fold data.Fold, stage data.Stage, place dist.Place) (*data.Loader, int, error) {
	o, err := loaderOptions(c, p, stage)
	if err != nil {
		return nil, 0, err
	}
	o.DropLast, o.Seed = true, uint64(c.Train.Seed)
	if stage == data.Base {
		o.Index = data.AllImages(p.Source, fold, data.Train)
		o.Batch, o.Augment = c.Train.Base.Batch, augmentation(&c.Train.Base.Augment)
	} else {
		least, most, err := c.TrainingShots()
		if err != nil {
			return nil, 0, err
		}
		o.Batch, o.Augment, o.Shots = c.Train.Meta.Batch, augmentation(&c.Train.Meta.Augment), most
		if least < most {
			o.Drawer = data.NewShotRange(data.NewDrawer(o.Index, o.Stage, most, o.Seed), least, most, o.Batch, o.Seed)
		}
	}
	batches, err := shardTraining(&o, place)
	if err != nil {
		return nil, 0, err
	}
	l, err := data.NewLoader(o)
	return l, batches, err
}

// ValidationLoader gives a process its part of what a validation of a training stage scores,
// one a batch: the release's episodes of train.meta.validate_seed (data.Meta), or every
// picture (data.Base). It returns how many there are in all processes together.
func ValidationLoader(c *config.Config, p *Pictures, fold data.Fold, stage data.Stage, place dist.Place) (*data.Loader, int, error) {
	if stage == data.Base {
		l, err := PictureLoader(c, p.Source, fold, 1, place.Shard(1))
		return l, p.Source.Len(), err
	}
	seed := uint64(c.Train.Meta.ValidateSeed)
	draws := data.NewReleaseDrawer(p.Index, c.Model.Shots, seed, c.Eval.EmulatedDataLoaderWorkers)
	l, err := EpisodeLoader(c, p, draws, c.Train.Meta.ValidateEpisodes, 1, place.Shard(1))
	return l, c.Train.Meta.ValidateEpisodes, err
}

// EpisodeLoader gives a part of the first episodes of a drawer, as they are, in batches.
func EpisodeLoader(c *config.Config, p *Pictures, draws data.Drawer, episodes, batch int, part dist.Shard) (*data.Loader, error) {
	o, err := loaderOptions(c, p, data.Meta)
	if err != nil {
		return nil, err
	}
	o.Drawer, o.Episodes, o.Batch, o.KeepPictures, o.Resizer = draws, episodes, batch, c.Eval.Refine != "", p.Resizer
	shard(&o, part)
	return data.NewLoader(o)
}

// PictureLoader gives a part of the pictures of a source for the base learner, as they are, in
// order.
func PictureLoader(c *config.Config, src data.Source, fold data.Fold, batch int, part dist.Shard) (*data.Loader, error) {
	o, err := loaderOptions(c, &Pictures{Source: src, Index: data.AllImages(src, fold, data.Val)}, data.Base)
	if err != nil {
		return nil, err
	}
	o.Batch, o.Episodes = batch, len(o.Index.Images)
	shard(&o, part)
	return data.NewLoader(o)
}

// loaderOptions are what all loaders of a stage share.
func loaderOptions(c *config.Config, p *Pictures, stage data.Stage) (data.LoaderOptions, error) {
	annotation, err := data.ParseAnnotation(c.Dataset.Annotation)
	if err != nil {
		return data.LoaderOptions{}, err
	}
	o := data.LoaderOptions{
		Source: p.Source, Index: p.Index, Stage: stage, Size: c.Model.Size, Shots: c.Model.Shots, Annotation: annotation,
		Workers: c.Train.Workers, Prefetch: c.Train.Prefetch,
	}
	if stage == data.Base {
		o.Size = c.Train.Base.Size
	}
	return o, nil
}

// augmentation is the setting as the loader takes it.
func augmentation(c *config.Augment) data.AugmentOptions {
	return data.AugmentOptions{
		ScaleMin: c.Scale[0], ScaleMax: c.Scale[1], RotateDegrees: c.Rotate,
		RotateProb: c.RotateProbability, BlurProb: c.BlurProbability, FlipProb: c.FlipProbability,
	}
}
