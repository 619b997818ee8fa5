package experiment

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/weights"
)

// ModelOptions are those of the configured network for a fold and K shots.
func ModelOptions(c *config.Config, fold data.Fold, shots int) model.Options {
	return model.Options{
		Backbone: c.Model.Backbone, BaseClasses: len(fold.Base) + 1, Shots: shots, KShotReweight: c.Train.Meta.KShotReweight,
		Ambiguity: c.Model.Ambiguity,
	}
}

// TrainingOptions are those of the configured network while it is trained. One that sees a
// varying number of supports has no weights of shots (kshot_rw): they weigh alike.
func TrainingOptions(c *config.Config, fold data.Fold) (model.Options, error) {
	least, most, err := c.TrainingShots()
	if least < most {
		least = 1
	}
	return ModelOptions(c, fold, least), err
}

// FuseTraining makes a network take supports in training, and in the validation beside it,
// as configured. Votes have no gradient: they are for evaluation.
func FuseTraining(net *model.HDMNet, c *config.Config) error {
	way, err := model.ParseFusion(c.Model.ShotFusion)
	if err != nil {
		return err
	}
	if way == model.FusionVote {
		way = model.FusionAuto
	}
	least, _, err := c.TrainingShots()
	net.Fuse(way, least)
	return err
}

// Network is HDMNet on a device, for inference.
type Network struct {
	*model.HDMNet
	Set  *nn.Set
	Tape *nn.Tape
}

// Network builds HDMNet for K shots and reads the trained weights: all of them, or only
// backbone and base learner, which leaves the meta learner as seed initializes it. m is told
// when the shots weigh alike.
func (t *Trained) Network(dev op.Device, shots int, onlyBase bool, seed uint64, m Monitor) (*Network, error) {
	n, err := t.build(dev, shots, func(net any) *nn.Set { return nn.NewInferenceSet(dev, net, seed) })
	if err != nil {
		return nil, err
	}
	return n, n.read(t, shots, onlyBase, m)
}

// NetworkToExport is Network with parameters that can be read. For 0 shots it is one for as
// many as its kshot_rw weighs or, without that, for any number, which fixed = 0 says.
func (t *Trained) NetworkToExport(dev op.Device, shots int, m Monitor) (n *Network, fixed int, err error) {
	fixed = shots
	if shots == 0 {
		err := withWeights(t.Path, func(f *weights.File) error {
			l, _, err := model.Recognize(f)
			if l.Shots > 1 {
				fixed = l.Shots
			}
			return err
		})
		if err != nil {
			return nil, 0, err
		}
	}
	shots = max(fixed, 1)
	n, err = t.build(dev, shots, func(net any) *nn.Set { return nn.NewSet(dev, net, 0) })
	if err != nil {
		return nil, 0, err
	}
	return n, fixed, n.read(t, shots, false, m)
}

// build makes a network with parameters that are not those of the file yet.
func (t *Trained) build(dev op.Device, shots int, place func(net any) *nn.Set) (*Network, error) {
	net, err := model.NewHDMNet(t.options(shots))
	if err != nil {
		return nil, err
	}
	return &Network{HDMNet: net, Set: place(net), Tape: nn.NewTape(dev)}, nil
}

// read reads the weights, and says how supports fuse. After an error n is closed.
func (n *Network) read(t *Trained, shots int, onlyBase bool, m Monitor) error {
	way, err := model.ParseFusion(t.Model.ShotFusion)
	if err == nil {
		err = withWeights(t.Path, func(f *weights.File) error {
			if onlyBase {
				n.Fuse(way, shots) // a meta learner as initialized has been trained on none
				return n.LoadBase(n.Set, f)
			}
			trained, err := trainedShots(f)
			if err != nil {
				return err
			}
			n.Fuse(way, trained)
			uniform, err := n.HDMNet.Load(n.Set, f)
			if uniform && err == nil {
				m.note("%s has no kshot_rw for this number of shots: all shots weigh alike", t.Path)
			}
			return err
		})
	}
	if err != nil {
		return errors.Join(err, n.Close())
	}
	return nil
}

// options are those of the network with as many base classes as the weights have.
func (t *Trained) options(shots int) model.Options {
	o := ModelOptions(t.Config, data.Fold{}, shots)
	o.BaseClasses = t.baseClasses
	return o
}

// TrainedShots is the number of supports that the network was trained with, the least of a
// range.
func (t *Trained) TrainedShots() (shots int, err error) {
	err = withWeights(t.Path, func(f *weights.File) error {
		shots, err = trainedShots(f)
		return err
	})
	return shots, err
}

// trainedShots is the number of supports that the weights of a file were trained with, the
// least of a range: what the file says or, where it says nothing, that of its kshot_rw.
func trainedShots(f *weights.File) (int, error) {
	if text, ok := f.Metadata()[metaShots]; ok {
		least, _, _ := strings.Cut(text, "-")
		if n, err := strconv.Atoi(least); err == nil && n >= 1 {
			return n, nil
		}
		return 0, fmt.Errorf("its metadata says that it was trained with %q shots, expected a number or a range: the file is damaged", text)
	}
	l, _, err := model.Recognize(f)
	return max(l.Shots, 1), err
}

// Close frees the network's memory.
func (n *Network) Close() error {
	return errors.Join(n.CacheFeatures(n.Tape, 0), n.Tape.Arena.Close(), n.Set.Close())
}

// BaseLearner is the base learner alone (PSPNet) on a device, for inference.
type BaseLearner struct {
	*model.PSPNet
	Set  *nn.Set
	Tape *nn.Tape
}

// BaseLearner builds the base learner with the trained weights, which may be those of a
// whole HDMNet.
func (t *Trained) BaseLearner(dev op.Device) (*BaseLearner, error) {
	net, err := model.NewPSPNet(t.options(0))
	if err != nil {
		return nil, err
	}
	b := &BaseLearner{PSPNet: net, Set: nn.NewInferenceSet(dev, net, 0), Tape: nn.NewTape(dev)}
	if err := withWeights(t.Path, func(f *weights.File) error { return net.LoadBase(b.Set, f) }); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// Close frees the network's memory.
func (b *BaseLearner) Close() error { return errors.Join(b.Tape.Arena.Close(), b.Set.Close()) }

// parts are the names of files that hold a network's weights only together, and of their index,
// as Hugging Face's programs write them.
var parts = regexp.MustCompile(`-\d+-of-\d+\.(safetensors|bin)$|\.index\.json$`)

// withWeights opens a file of weights for a function, whose error gets the file's name.
func withWeights(path string, read func(*weights.File) error) (err error) {
	defer func() {
		if err != nil && parts.MatchString(path) {
			err = fmt.Errorf(`%w; the weights were saved in several files, of which this is one: save them as a single one, with transformers by save_pretrained(FOLDER, max_shard_size="100GB")`, err)
		}
	}()
	f, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := read(f); err != nil {
		if damage := new(weights.FormatError); errors.As(err, &damage) {
			return err // names the file
		}
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
