package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"hdmnet/internal/nn"
	"hdmnet/internal/weights"
)

// Load reads all weights of the network, under any names that Recognize knows. A
// checkpoint made for another number of shots lacks a fitting kshot_rw: then the shots
// weigh alike, and uniform is true.
func (n *HDMNet) Load(set *nn.Set, f *weights.File) (uniform bool, err error) {
	l, f, err := recognizeFor(set, f)
	if err != nil {
		return false, err
	}
	if err := l.Check(Network); err != nil {
		return false, err
	}
	switch {
	case l.Ambiguity && !n.ambiguity:
		return false, errors.New("it was trained with ambiguity elimination, which is off; give --set model.ambiguity=true")
	case n.ambiguity && !l.Ambiguity:
		return false, errors.New("it was trained without ambiguity elimination, which is on; give --set model.ambiguity=false, or weights trained with model.ambiguity")
	}
	fits := func(name string) bool {
		p := set.Param(name)
		shape, ok := f.Shape(name)
		return p != nil && ok && slices.Equal(shape, p.Shape)
	}
	uniform = n.KShot != nil && !fits("kshot_rw.0.weight")
	_, err = set.Load(f, nn.LoadOptions{
		Only:   func(name string) bool { return !(uniform && isOptionalParam(name)) },
		Ignore: isOptionalParam,
	})
	n.uniformShots = uniform
	return uniform, err
}

// LoadBase takes over the backbone and the base learner from a file of the base stage
// (hdmnet's or BAM's PSPNet) or of a whole HDMNet or BAM, under any names that Recognize
// knows. PSPNet's cls.4 is HDMNet's base_learnear.2.
func (n *HDMNet) LoadBase(set *nn.Set, f *weights.File) error { return loadBase(set, f) }

// LoadBase is HDMNet.LoadBase: it reads all that there is of a PSPNet.
func (n *PSPNet) LoadBase(set *nn.Set, f *weights.File) error { return loadBase(set, f) }

// The last layer of the base learner in a PSPNet and in an HDMNet.
const pspnetClassifier, hdmnetClassifier = "cls.4.", "base_learnear.2."

func loadBase(set *nn.Set, f *weights.File) error {
	l, f, err := recognizeFor(set, f)
	if err != nil {
		return err
	}
	if err := l.Check(BaseLearner); err != nil {
		return err
	}
	own := hdmnetClassifier
	if _, pspnet := f.Shape(pspnetClassifier + "weight"); pspnet {
		own = pspnetClassifier
	}
	_, err = set.Load(f, nn.LoadOptions{
		Only:   IsBaseParam,
		Ignore: func(name string) bool { return !IsBaseParam(name) },
		FileName: func(name string) string {
			for _, prefix := range []string{pspnetClassifier, hdmnetClassifier} {
				if rest, ok := strings.CutPrefix(name, prefix); ok {
					return own + rest
				}
			}
			return name
		},
	})
	return err
}

// LoadBackbone reads the backbone alone, for example ImageNet weights, under any names
// that Recognize knows. The notes say what could not be used and starts from its
// initialization.
func (n *PSPNet) LoadBackbone(set *nn.Set, f *weights.File) (notes []string, err error) {
	return loadBackbone(n.Base.Backbone, set, f)
}

// LoadBackbone is PSPNet.LoadBackbone.
func (n *HDMNet) LoadBackbone(set *nn.Set, f *weights.File) (notes []string, err error) {
	return loadBackbone(n.Base.Backbone, set, f)
}

func loadBackbone(b backbone, set *nn.Set, f *weights.File) ([]string, error) {
	l, f, err := recognizeFor(set, f)
	if err != nil {
		return nil, err
	}
	_, err = set.Load(f, nn.LoadOptions{
		Only:   func(name string) bool { return IsBackboneParam(name) && (l.lacks == nil || !l.lacks(name)) },
		Ignore: func(name string) bool { return !IsBackboneParam(name) },
	})
	if e := encoderOf(b); e != nil && l.encoder != nil {
		l.encoder.Settle(e)
	}
	return l.Notes, err
}

// recognizeFor is Recognize for a network that the file is to be loaded into.
func recognizeFor(set *nn.Set, f *weights.File) (Layout, *weights.File, error) {
	l, f, err := Recognize(f)
	if err != nil {
		return l, nil, err
	}
	if err := l.Check(BackboneAlone); err != nil {
		return l, nil, err
	}
	want := backboneName(func(name string) ([]int, bool) {
		if p := set.Param(name); p != nil {
			return p.Shape, true
		}
		return nil, false
	})
	if l.Backbone != "" && l.Backbone != want {
		return l, nil, fmt.Errorf("its backbone is %s, the network's is %s; give other weights or --set model.backbone=%s", l.Backbone, want, l.Backbone)
	}
	return l, f, nil
}

// Check fails when a file holds less than a whole network (Network), than a base learner, or
// than a backbone, or one that hdmnet has not.
func (l Layout) Check(want Kind) error {
	switch {
	case l.Problem != "":
		return fmt.Errorf("%s; `hdmnet weights inspect` shows what is in it", l.Problem)
	case l.Kind == BackboneAlone && want == BaseLearner:
		return errors.New("it holds a backbone alone, not a base learner; use it as backbone.weights")
	case l.Kind != Network && want == Network:
		return fmt.Errorf("it holds a %s, not a whole HDMNet; use it as %s in training", l.Kind,
			map[Kind]string{BaseLearner: "base.weights", BackboneAlone: "backbone.weights"}[l.Kind])
	}
	return nil
}
