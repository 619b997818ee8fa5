package main

import (
	"fmt"
	"os"
	"strconv"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/run"
	"hdmnet/internal/weights"
)

// runsDir is where runs go that are given no --out, and where they are looked for.
const runsDir = "runs"

// metaFold is the metadata key under which trained weights keep their fold.
const metaFold = "fold"

// metaSplit is the key under which weights for COCO-20i keep its split.
const metaSplit = "split"

// trained is a file of weights and the settings to use it with.
type trained struct {
	*config.Config
	path  string
	run   string // the run directory; empty for a file of its own
	fold  int    // that the weights were trained for; −1: the file does not say
	split string // of COCO-20i that they were trained for; empty: the file does not say
}

// openTrained finds the weights of a run directory, whose settings they come with, or
// of a file, to be used with the settings of o.Config. onlyBase is for who needs no
// more than the base learner, which a run has before it has a whole network.
func openTrained(runDir, file string, onlyBase bool, o config.Options) (*trained, error) {
	t := &trained{path: file, run: runDir, fold: -1}
	if runDir != "" {
		dir, err := run.Open(runDir)
		if err != nil {
			return nil, err
		}
		o.Config, t.path = dir.Config(), dir.Best()
		if _, err := os.Stat(t.path); err != nil && onlyBase {
			t.path = dir.Base()
		}
		if _, err := os.Stat(t.path); err != nil {
			return nil, fmt.Errorf("run %s has no trained network yet: %w; finish its training with `hdmnet train --fold F --resume --out %s`", runDir, err, runDir)
		}
	}
	var err error
	if t.Config, err = loadConfig(o); err != nil {
		return nil, err
	}
	f, err := weights.Open(t.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t.split = f.Metadata()[metaSplit]
	if text, ok := f.Metadata()[metaFold]; ok {
		folds, err := foldCount(&t.Dataset)
		if err != nil {
			return nil, err
		}
		if t.fold, err = strconv.Atoi(text); err != nil || t.fold < 0 || t.fold >= folds {
			return nil, fmt.Errorf("%s: its metadata says fold %q, expected 0..%d: the file is damaged, or of another data set", t.path, text, folds-1)
		}
	}
	return t, nil
}

// network is HDMNet on a device.
type network struct {
	*model.HDMNet
	set  *nn.Set
	tape *nn.Tape
}

// newNetwork builds HDMNet for a fold and K shots, to be run on weights that load reads;
// seed initializes those that the file leaves out.
func newNetwork(dev op.Device, c *config.Config, fold data.Fold, shots int, seed uint64) (*network, error) {
	net, err := model.NewHDMNet(model.Options{
		Backbone: c.Model.Backbone, BaseClasses: len(fold.Base) + 1, Shots: shots, KShotReweight: c.Train.Meta.KShotReweight,
	})
	if err != nil {
		return nil, err
	}
	return &network{HDMNet: net, set: nn.NewInferenceSet(dev, net, seed), tape: nn.NewTape(dev)}, nil
}

// load reads the weights of a file: all of them, or only backbone and base learner,
// which leaves the meta learner as initialized. It says when the shots weigh alike.
func (n *network) load(io Streams, path string, onlyBase bool) error {
	f, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if onlyBase {
		err = n.LoadBase(n.set, f)
	} else {
		var uniform bool
		uniform, err = n.Load(n.set, f)
		if uniform && err == nil {
			fmt.Fprintf(io.Err, "weights: %s has no kshot_rw for this number of shots: all shots weigh alike\n", path)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// close frees the network's memory.
func (n *network) close() error {
	if err := n.CacheFeatures(n.tape, 0); err != nil {
		return err
	}
	if err := n.tape.Arena.Close(); err != nil {
		return err
	}
	return n.set.Close()
}
