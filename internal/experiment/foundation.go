package experiment

import (
	"errors"
	"fmt"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/insid3"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/vit"
	"hdmnet/internal/weights"
)

// OpenEncoder is OpenTrained for the weights of an encoder that was trained on none of the data
// sets here, with the settings of o.Config or, without, the defaults. The settings' model is the
// encoder, at the side that package insid3 takes.
func OpenEncoder(path string, o config.Options) (*Trained, error) {
	var spec vit.Spec
	err := withEncoder(path, func(l vit.Layout, _ *weights.File) error { spec = l.Spec; return nil })
	if err != nil {
		return nil, err
	}
	t := &Trained{Path: path, Fold: -1}
	if t.Config, err = config.Load(o); err != nil {
		return nil, err
	}
	t.Model.Backbone, t.Model.Size = spec.Name, t.INSID3.Size
	if t.Model.Size == 0 {
		t.Model.Size = insid3.SizeFor(spec.Patch)
	}
	t.Train.Workers, t.Train.Prefetch = 1, 1 // pictures are large, and wait for the encoder
	if err := t.insid3().Check(spec.Patch, spec.Channels); err != nil {
		return nil, &SettingError{err}
	}
	return t, nil
}

// insid3 are the numbers of package insid3.
func (t *Trained) insid3() insid3.Settings {
	return insid3.Settings{Size: t.Model.Size, Components: t.INSID3.Components, Tau: t.INSID3.Tau, Merge: t.INSID3.Merge}
}

// SettleUntrained decides what an encoder is scored on: the novel classes of the fold wanted, or,
// where none is (−1), all classes of a custom set.
func (t *Trained) SettleUntrained(wanted int) error {
	if t.Dataset.Name == "custom" && wanted < 0 {
		names, err := customClasses(&t.Dataset)
		if err != nil {
			return err
		}
		fold := data.NewClasses(names)
		t.Fold, t.own = fold.Index, &Dataset{Fold: fold, c: &t.Dataset, entry: registry[t.Dataset.Name]}
		return nil
	}
	if wanted < 0 {
		return settingf("%s was not trained on a fold: say with --fold whose novel classes it is scored on", t.Path)
	}
	set, err := Open(&t.Dataset, wanted)
	if err != nil {
		return err
	}
	t.Fold, t.own = wanted, set
	return nil
}

// Segmenter is the method of package insid3 on a device.
type Segmenter struct {
	*insid3.Network
	Tape *nn.Tape
	set  *nn.Set
}

// Segmenter reads the encoder's weights and prepares the method, which runs the encoder once.
func (t *Trained) Segmenter(dev op.Device) (s *Segmenter, err error) {
	err = withEncoder(t.Path, func(_ vit.Layout, f *weights.File) error {
		encoder, set, err := vit.Load(dev, f)
		if err != nil {
			return err
		}
		s = &Segmenter{Tape: nn.NewTape(dev), set: set}
		if full := s.Tape.Fit(1, 1, func(int) { s.Network, err = insid3.New(encoder, s.Tape, t.insid3()) }); full != nil {
			err = fmt.Errorf("%w; or give a smaller input with --set insid3.size=N", full)
		}
		if err != nil {
			return errors.Join(err, s.Close())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close frees the memory on the device.
func (s *Segmenter) Close() error { return errors.Join(s.Tape.Arena.Close(), s.set.Close()) }

// withEncoder is withWeights for the weights of an encoder, in whatever dict of the file they are.
func withEncoder(path string, read func(vit.Layout, *weights.File) error) error {
	return withWeights(path, func(f *weights.File) error {
		f, err := model.Select(f)
		if err != nil {
			return err
		}
		l, encoder := vit.Match(f.Shape)
		switch {
		case l.Problem != "":
			return errors.New(l.Problem)
		case encoder:
			return read(l, f)
		}
		if other, _, err := model.Recognize(f); err == nil && other.Kind != model.UnknownKind {
			return settingf("it holds %s, which --method hdmnet takes; --method insid3 takes an encoder, DINOv3 or DINOv2", other)
		}
		return errors.New("it holds no encoder that is known here, DINOv3 or DINOv2; see docs/foundation.md for the files, and `hdmnet weights inspect` for what this one holds")
	})
}
