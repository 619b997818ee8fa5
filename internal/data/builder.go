package data

import (
	"fmt"
	"slices"
)

// builder makes the episodes of one worker. It owns that worker's memory.
type builder struct {
	opt   *LoaderOptions
	base  *remap
	scene Scene // the last one, where the source reads into the memory of another one
	aug   augmenter
}

// build fills a batch with the episodes of the draws; first is the number, in
// this loader, of the first of them. Errors name the episode and what the source says.
func (b *builder) build(batch *Batch, draws []Draw, first int) error {
	for i, draw := range draws {
		e := batch.Episodes[i]
		e.Position = b.opt.Place(first + i)
		if err := b.episode(e, draw, batch.Epoch); err != nil {
			return fmt.Errorf("%s, epoch %d, episode %d: %w", b.opt.Index.Split, batch.Epoch, e.Position, err)
		}
		batch.ClassIndex[i] = e.ClassIndex
	}
	return nil
}

func (b *builder) episode(e *Episode, draw Draw, epoch int) error {
	// One generator per picture: the query's is 0, the k-th drawn support's k+1.
	rng := func(k int) *Rand {
		return newRand(b.opt.Seed, streamAugment, uint64(epoch), uint64(e.Position), uint64(k))
	}
	index := b.opt.Index
	scene, err := b.load(draw.Query)
	if err != nil {
		return err
	}
	e.QueryName = scene.Name
	b.transform(e.Query.Image, scene, rng(0))
	b.base.apply(e.BaseLabel, b.aug.cur.mask)
	if index.Split == Val {
		e.H, e.W = scene.H, scene.W
		if b.opt.KeepPictures {
			e.Picture = slices.Clone(scene.Image)
		}
		e.FullBaseLabel = make([]uint8, len(scene.Mask))
		b.base.apply(e.FullBaseLabel, scene.Mask)
	}
	if b.opt.Stage == Base {
		return nil
	}

	e.Class, e.ClassIndex = draw.Class, index.Fold.classIndex(index.Split, draw.Class)
	foreground := classRemap(draw.Class)
	foreground.apply(e.Query.Mask, b.aug.cur.mask)
	if index.Split == Val {
		e.Label = scene.Mask
		foreground.apply(e.Label, scene.Mask)
		scene.Mask = nil // the label is the caller's from now on
	}
	shots := len(draw.Supports)
	e.SupportNames = make([]string, shots)
	for k, i := range draw.Supports {
		scene, err := b.load(i)
		if err != nil {
			return err
		}
		at := shots - 1 - k // the network sees the last drawn first
		e.SupportNames[at] = scene.Name
		foreground.apply(scene.Mask, scene.Mask)
		if b.opt.Annotation == AnnotationBBox {
			boxMask(scene.Mask, scene.H, scene.W)
		}
		b.transform(e.Supports[at].Image, scene, rng(k+1))
		copy(e.Supports[at].Mask, b.aug.cur.mask)
	}
	return nil
}

// transform augments (training) and brings to the square input dst; the mask of class indices is left in b.aug.cur.mask.
func (b *builder) transform(dst []float32, scene *Scene, rng *Rand) {
	b.aug.load(scene)
	if b.opt.Index.Split == Train {
		b.aug.run(b.opt.Augment, rng)
		if b.opt.Stage == Base {
			b.aug.crop(b.opt.Size, rng)
		}
	}
	if b.opt.Resizer != nil {
		b.aug.finishBy(b.opt.Resizer, dst, b.opt.Size, scene)
		return
	}
	b.aug.finish(dst, b.opt.Size)
}

// load reads a picture, which is valid until the next call, and makes sure that it is one.
func (b *builder) load(i int) (*Scene, error) {
	src, s := b.opt.Source, &b.scene
	var err error
	if again, ok := src.(ReuseSource); ok {
		err = again.LoadInto(s, i)
	} else {
		s, err = src.Load(i)
	}
	if err != nil {
		return nil, err
	}
	if s.H < 1 || s.W < 1 || len(s.Image) != s.H*s.W*3 || len(s.Mask) != s.H*s.W {
		return nil, fmt.Errorf("%s: source gave %d image bytes and %d mask bytes for %d×%d pixels, expected 3 and 1 a pixel",
			src.Name(i), len(s.Image), len(s.Mask), s.H, s.W)
	}
	return s, nil
}
