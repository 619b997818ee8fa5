package experiment

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"hdmnet/internal/config"
	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/infile"
	"hdmnet/internal/model"
	"hdmnet/internal/run"
	"hdmnet/internal/vit"
	"hdmnet/internal/weights"
)

// Keys of the metadata of trained weights.
const (
	metaDataset = "dataset"
	metaFold    = "fold"
	metaShots   = "shots"
	metaScheme  = "split"        // of COCO-20i's folds
	metaBase    = "base_classes" // names with commas between
)

// Trained is a file of weights and the settings to use it with.
type Trained struct {
	*config.Config
	Path string
	Run  string // the run directory; empty for a file of its own
	Fold int    // that the weights were trained for, after Settle the one to score; −1: the file does not say, or all classes

	baseClasses int      // of the network, with background
	newClasses  bool     // the set's classes are new to the network, whatever the weights say
	own         *Dataset // what is scored, after Settle; nil: the fold Fold

	Untrained *Untrained // of an encoder; nil: a network that was trained

	// What the weights were trained on; empty: the file does not say.
	dataset, scheme string
	baseNames       []string
}

// Source says where trained weights are: in a run directory, or in a file of their own.
type Source struct {
	Run, File string
	// OnlyBase is for who needs no more than the base learner, which a run has before it
	// has a whole network.
	OnlyBase bool
	// NewClasses says that a custom set has none of the classes that the network was
	// trained on.
	NewClasses bool
}

// OpenTrained finds the weights of a run directory, whose settings they come with, or of a
// file, to be used with the settings of o.Config; where that is empty, those of the data set
// and backbone that the weights tell.
func OpenTrained(s Source, o config.Options, m Monitor) (*Trained, error) {
	t := &Trained{Path: s.File, Run: s.Run, Fold: -1, newClasses: s.NewClasses}
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
	var layout model.Layout
	err := withWeights(t.Path, func(f *weights.File) (err error) {
		if layout, _, err = model.Recognize(f); err != nil {
			return err
		}
		t.baseClasses = layout.BaseClasses
		want := model.Network
		if s.OnlyBase {
			want = model.BaseLearner
		}
		if err := layout.Check(want); err != nil {
			if _, encoder := vit.Find(layout.Backbone); encoder && layout.Kind == model.BackboneAlone && layout.Problem == "" {
				return fmt.Errorf("%w, or in `hdmnet predict` and `eval` without training by --method %s", err, strings.Join(Methods(), " or "))
			}
			return err
		}
		return t.history(f.Metadata())
	})
	if err != nil {
		return nil, err
	}
	if o.Config == "" {
		if o.Config = usualConfig(t.dataset, layout); o.Config != "" {
			m.note("settings: %s, by the weights; --config chooses others", o.Config)
		}
	}
	t.Config, err = config.Load(o)
	return t, err
}

// history reads what weights say of their training.
func (t *Trained) history(meta map[string]string) error {
	t.dataset, t.scheme = meta[metaDataset], meta[metaScheme]
	if names := meta[metaBase]; names != "" {
		t.baseNames = strings.Split(names, ",")
	}
	text, ok := meta[metaFold]
	if !ok {
		return nil
	}
	var err error
	if t.Fold, err = strconv.Atoi(text); err != nil || t.Fold < 0 {
		return fmt.Errorf("its metadata says fold %q, expected a number from 0: the file is damaged", text)
	}
	return nil
}

// TrainedOn is what weights say of the classes that they are trained on; see history.
func TrainedOn(c *config.Dataset, fold data.Fold) map[string]string {
	about := map[string]string{metaDataset: c.Name, metaFold: strconv.Itoa(fold.Index)}
	if c.Name == "coco20i" {
		about[metaScheme] = c.FoldScheme // without it the fold does not say which classes are novel
	}
	if fold.Names != nil {
		about[metaBase] = strings.Join(baseNames(fold), ",")
	}
	return about
}

func baseNames(fold data.Fold) []string {
	names := make([]string, len(fold.Base))
	for i, class := range fold.Base {
		names[i] = fold.ClassName(class)
	}
	return names
}

// cocoBase is the number of base classes of a fold of COCO-20i, with background.
const cocoBase = 61

// usualConfig is the embedded configuration for weights: of their data set, which the number
// of base classes tells where the file does not; empty where there is none.
func usualConfig(dataset string, l model.Layout) string {
	if dataset == "" {
		if dataset = "pascal5i"; l.BaseClasses == cocoBase {
			dataset = "coco20i"
		}
	}
	if name := dataset + "_" + l.Backbone; slices.Contains(config.Names(), name) {
		return name
	}
	return ""
}

// Settle decides what to score: the fold that the network was trained for, which must be
// the one wanted (−1: any); or, of a custom set that the network was not trained on, the
// novel classes of the fold wanted, or all classes, none of them being a base class.
func (t *Trained) Settle(wanted int, m Monitor) error {
	if t.Dataset.Name == "custom" {
		trained, err := t.trainedOnThis(wanted)
		if err != nil {
			return err
		}
		if !trained {
			return t.settleOwn(wanted, m)
		}
	}
	return t.settleFold(wanted)
}

func (t *Trained) settleFold(wanted int) error {
	folds, err := Folds(&t.Dataset)
	if err != nil {
		return err
	}
	switch {
	case t.Fold < 0 && wanted < 0:
		return settingf("%s does not say which fold it was trained for; give --fold", t.Path)
	case t.Fold >= folds:
		return fmt.Errorf("%s: its metadata says fold %d, expected 0..%d: the file is damaged, or of another data set", t.Path, t.Fold, folds-1)
	case t.Fold >= 0 && wanted >= 0 && t.Fold != wanted:
		return settingf("%s was trained for fold %d: the novel classes of fold %d are among those it was trained on; leave --fold out, or score a network of that fold",
			t.Path, t.Fold, wanted)
	case t.scheme != "" && t.Dataset.Name == "coco20i" && t.scheme != t.Dataset.FoldScheme:
		return settingf("%s was trained for the folds of %s: novel classes of %s are among those it was trained on; score it with --fold-scheme %s",
			t.Path, t.scheme, t.Dataset.FoldScheme, t.scheme)
	}
	t.Fold = max(t.Fold, wanted)
	set, err := Open(&t.Dataset, t.Fold)
	if err != nil {
		return err
	}
	if here := len(set.Fold.Base) + 1; t.baseClasses != here {
		return settingf("%s has %d classes with background in its base learner, fold %d of %s has %d: give the configuration that it was trained with, "+
			"or score it on classes of your own with --classes", t.Path, t.baseClasses, t.Fold, t.Dataset.Name, here)
	}
	return nil
}

// trainedOnThis tells whether the base classes of the network are those of a fold of the
// custom set.
func (t *Trained) trainedOnThis(wanted int) (bool, error) {
	if t.newClasses {
		return false, nil
	}
	names, err := customClasses(&t.Dataset)
	if err != nil {
		return false, err
	}
	folds, err := customFolds(&t.Dataset, names)
	if err != nil {
		return false, nil // too few classes to train on; settleOwn needs no folds
	}
	is := func(f int) bool {
		fold, err := data.CustomFold(names, folds, f)
		switch {
		case err != nil:
			return false
		case t.baseNames != nil:
			return slices.Equal(t.baseNames, baseNames(fold))
		case t.dataset != "" && t.dataset != "custom":
			return false
		}
		return t.baseClasses == len(fold.Base)+1
	}
	switch {
	case t.Fold >= 0:
		return is(t.Fold), nil
	case wanted >= 0:
		return is(wanted), nil
	}
	for f := range folds {
		if is(f) {
			return false, settingf("%s does not say which fold it was trained for: give --fold where it was trained on this set, or --classes FILE where all classes are new to it", t.Path)
		}
	}
	return false, nil
}

// settleOwn makes the classes of a custom set that the network was not trained on the novel
// ones.
func (t *Trained) settleOwn(wanted int, m Monitor) error {
	names, err := customClasses(&t.Dataset)
	if err != nil {
		return err
	}
	fold := data.NewClasses(names)
	if wanted >= 0 {
		folds, err := customFolds(&t.Dataset, names)
		if err != nil {
			return err
		}
		if fold, err = data.CustomFold(names, folds, wanted); err != nil {
			return &SettingError{err}
		}
		fold.Base = nil
	}
	t.scoreOn(fold)
	m.note("the network keeps the %d base classes that it was trained on; novel to it: %s", t.baseClasses-1, named(fold, fold.Novel))
	var known []int
	for _, class := range fold.Novel {
		if slices.Contains(t.baseNames, names[class]) {
			known = append(known, class)
		}
	}
	if len(known) > 0 {
		m.warn("the network was trained on classes of these names, whose scores are not of few shots: %s", named(fold, known))
	}
	return nil
}

// scoreOn settles on classes of a custom set that are no fold of a training.
func (t *Trained) scoreOn(fold data.Fold) {
	t.Fold, t.own = fold.Index, &Dataset{Fold: fold, c: &t.Dataset, entry: registry[t.Dataset.Name], link: dist.Solo{}}
}

// named lists classes by name, the first ten.
func named(fold data.Fold, classes []int) string {
	var names []string
	for _, class := range classes {
		if len(names) == 10 {
			names = append(names, fmt.Sprintf("… (%d)", len(classes)))
			break
		}
		names = append(names, infile.Shown(fold.ClassName(class)))
	}
	return strings.Join(names, ", ")
}

// Own tells, after Settle, that the set is one that the network was not trained on: it has
// no base classes.
func (t *Trained) Own() bool { return t.own != nil }

// Open opens what Settle has settled.
func (t *Trained) Open() (*Dataset, error) {
	if t.own != nil {
		return t.own, nil
	}
	return Open(&t.Dataset, t.Fold)
}

// Identity is what of the network results depend on: its file's content, and how supports
// count together.
func (t *Trained) Identity() (string, error) {
	f, err := os.Open(t.Path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("%s: %w", infile.Shown(t.Path), err)
	}
	return fmt.Sprintf("%x, %s", h.Sum(nil)[:16], t.Model.ShotFusion), nil
}
