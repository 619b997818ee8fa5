package experiment

import (
	"fmt"
	"os"
	"strconv"

	"hdmnet/internal/config"
	"hdmnet/internal/run"
	"hdmnet/internal/weights"
)

// Keys of the metadata of trained weights.
const (
	metaFold   = "fold"
	metaShots  = "shots"
	metaScheme = "split" // of COCO-20i's folds
)

// Trained is a file of weights and the settings to use it with.
type Trained struct {
	*config.Config
	Path   string
	Run    string // the run directory; empty for a file of its own
	Fold   int    // that the weights were trained for; −1: the file does not say
	scheme string // of COCO-20i's folds that they were trained for; empty: the file does not say
}

// Source says where trained weights are: in a run directory, or in a file of their own.
type Source struct {
	Run, File string
	// OnlyBase is for who needs no more than the base learner, which a run has before it
	// has a whole network.
	OnlyBase bool
}

// OpenTrained finds the weights of a run directory, whose settings they come with, or of a
// file, to be used with the settings of o.Config.
func OpenTrained(s Source, o config.Options) (*Trained, error) {
	t := &Trained{Path: s.File, Run: s.Run, Fold: -1}
	if s.Run != "" {
		dir, err := run.Open(s.Run)
		if err != nil {
			return nil, err
		}
		o.Config, t.Path = dir.Config(), dir.Best()
		if _, err := os.Stat(t.Path); err != nil && s.OnlyBase {
			t.Path = dir.Base()
		}
		if _, err := os.Stat(t.Path); err != nil {
			return nil, fmt.Errorf("run %s has no trained network yet: %w; finish its training with `hdmnet train --fold F --resume --out %s`", s.Run, err, s.Run)
		}
	}
	var err error
	if t.Config, err = config.Load(o); err != nil {
		return nil, err
	}
	f, err := weights.Open(t.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t.scheme = f.Metadata()[metaScheme]
	if text, ok := f.Metadata()[metaFold]; ok {
		folds, err := Folds(&t.Dataset)
		if err != nil {
			return nil, err
		}
		if t.Fold, err = strconv.Atoi(text); err != nil || t.Fold < 0 || t.Fold >= folds {
			return nil, fmt.Errorf("%s: its metadata says fold %q, expected 0..%d: the file is damaged, or of another data set", t.Path, text, folds-1)
		}
	}
	return t, nil
}

// Settle decides on the fold to score: the one the network was trained for, which must
// be the one wanted (−1: any).
func (t *Trained) Settle(wanted int) error {
	switch {
	case t.Fold < 0 && wanted < 0:
		return settingf("%s does not say which fold it was trained for; give --fold", t.Path)
	case t.Fold >= 0 && wanted >= 0 && t.Fold != wanted:
		return settingf("%s was trained for fold %d: the novel classes of fold %d are among those it was trained on; leave --fold out, or score a network of that fold",
			t.Path, t.Fold, wanted)
	case t.scheme != "" && t.Dataset.Name == "coco20i" && t.scheme != t.Dataset.FoldScheme:
		return settingf("%s was trained for the folds of %s: novel classes of %s are among those it was trained on; score it with --fold-scheme %s",
			t.Path, t.scheme, t.Dataset.FoldScheme, t.scheme)
	}
	t.Fold = max(t.Fold, wanted)
	return nil
}
