package experiment

import (
	"errors"
	"fmt"
	"strings"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/foundation"
	"hdmnet/internal/insid3"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/prototypes"
	"hdmnet/internal/vit"
	"hdmnet/internal/weights"
)

// methods are the ways to find objects by an encoder's features, without training. Each has the name of its
// section of the settings.
var methods = []struct {
	name string
	of   func(c *config.Config, e vit.Spec) foundation.Method
}{
	{"insid3", func(c *config.Config, e vit.Spec) foundation.Method {
		return insid3.Settings{Size: c.INSID3.Size, Components: c.INSID3.Components, Tau: c.INSID3.Tau, Merge: c.INSID3.Merge}.For(e)
	}},
	{"prototypes", func(c *config.Config, e vit.Spec) foundation.Method {
		return prototypes.Settings{Size: c.Prototypes.Size, Clusters: c.Prototypes.Clusters, Seed: uint64(c.Train.Seed)}.For(e)
	}},
}

// Methods lists the ways to find objects without training.
func Methods() []string {
	var names []string
	for _, m := range methods {
		names = append(names, m.name)
	}
	return names
}

// OpenEncoder is OpenTrained for the weights of an encoder that was trained on none of the data
// sets here, for one of Methods, with the settings of o.Config or, without, the defaults. The settings'
// model is the encoder, at the side that the method takes.
func OpenEncoder(path, method string, o config.Options) (*Trained, error) {
	var spec vit.Spec
	err := withEncoder(path, method, func(l vit.Layout, _ *weights.File) error { spec = l.Spec; return nil })
	if err != nil {
		return nil, err
	}
	t := &Trained{Path: path, Fold: -1}
	if t.Config, err = config.Load(o); err != nil {
		return nil, err
	}
	for _, m := range methods {
		if m.name == method {
			t.Untrained = &Untrained{Method: m.of(t.Config, spec), name: m.name}
		}
	}
	if t.Untrained == nil {
		return nil, settingf("there is no method %q, there are %s", method, strings.Join(Methods(), ", "))
	}
	if err := t.Untrained.Check(spec); err != nil {
		return nil, &SettingError{err}
	}
	t.Model.Backbone, t.Model.Size = spec.Name, t.Untrained.Side()
	t.Train.Workers, t.Train.Prefetch = 1, 1 // pictures are large, and wait for the encoder
	return t, nil
}

// Untrained is the method that an encoder is used with.
type Untrained struct {
	foundation.Method
	name string
}

// SettleUntrained decides what an encoder is scored on: the novel classes of the fold wanted, or,
// where none is (−1), all classes of a custom set.
func (t *Trained) SettleUntrained(wanted int) error {
	if t.Dataset.Name == "custom" && wanted < 0 {
		names, err := customClasses(&t.Dataset)
		if err != nil {
			return err
		}
		t.scoreOn(data.NewClasses(names))
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

// Segmenter is a method on a device.
type Segmenter struct {
	foundation.Finder
	*foundation.Encoder
	Tape *nn.Tape
	set  *nn.Set
}

// Segmenter reads the encoder's weights and prepares the method.
func (t *Trained) Segmenter(dev op.Device) (s *Segmenter, err error) {
	err = withEncoder(t.Path, t.Untrained.name, func(_ vit.Layout, f *weights.File) error {
		encoder, set, err := vit.Load(dev, f)
		if err != nil {
			return err
		}
		s = &Segmenter{Tape: nn.NewTape(dev), set: set}
		s.Encoder = foundation.New(encoder, s.Tape, t.Model.Size)
		if full := s.Tape.Fit(1, 1, func(int) { s.Finder, err = t.Untrained.Open(s.Encoder) }); full != nil {
			err = fmt.Errorf("%w; or give a smaller input with --set %s.size=N", full, t.Untrained.name)
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
func withEncoder(path, method string, read func(vit.Layout, *weights.File) error) error {
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
			return settingf("it holds %s, which --method hdmnet takes; --method %s takes an encoder, DINOv3 or DINOv2", other, method)
		}
		return errors.New("it holds no encoder that is known here, DINOv3 or DINOv2; see docs/foundation.md for the files, and `hdmnet weights inspect` for what this one holds")
	})
}
