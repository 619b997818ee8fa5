package train

import (
	"fmt"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/experiment"
)

// feed is where a stage's batches come from.
type feed struct {
	train   *data.Loader
	batches int // of an epoch, of all processes together
	images  int // that they draw from
	// val gives this process's episodes, or pictures, of a validation, one a batch; nil:
	// there is none.
	val      *data.Loader
	episodes int // of a validation, of all processes together
}

// feed opens the loaders of a stage.
func (t *trainer) feed(name string) (f *feed, err error) {
	c, stage, every := t.Config, data.Meta, t.Config.Train.Meta.ValidateEvery
	if name == Base {
		stage, every = data.Base, c.Train.Base.ValidateEvery
	}
	f = &feed{images: len(t.Train.Index.Images)}
	if stage == data.Base {
		f.images = t.Train.Source.Len()
	}
	place := t.Group.Place()
	merged := *c // the batches of the processes that this one does the work of
	merged.Train.Base.Batch = c.Train.Base.Batch * t.begunBy / place.Size
	if f.train, f.batches, err = experiment.TrainLoader(&merged, &t.Train, t.Fold, stage, place); err != nil {
		return nil, fmt.Errorf("stage %s: %w", name, err)
	}
	if t.Val == nil || every == 0 {
		return f, nil
	}
	if f.val, f.episodes, err = experiment.ValidationLoader(c, t.Val, t.Fold, stage, place); err != nil {
		_ = f.train.Close()
		return nil, fmt.Errorf("stage %s, validation: %w", name, err)
	}
	return f, nil
}

// Validates tells whether a stage that the settings ask for validates.
func Validates(c *config.Train) bool {
	return c.Stage != Meta && c.Base.ValidateEvery > 0 || c.Stage != Base && c.Meta.ValidateEvery > 0
}

func (f *feed) close() {
	_ = f.train.Close()
	if f.val != nil {
		_ = f.val.Close()
	}
}
