package model

import (
	"strings"

	"hdmnet/internal/nn"
	"hdmnet/internal/weights"
)

// Load reads all weights of the network. A checkpoint made for another number of shots
// lacks a fitting kshot_rw: then the shots weigh alike, and uniform is true.
func (n *HDMNet) Load(set *nn.Set, f *weights.File) (uniform bool, err error) {
	fits := func(name string) bool {
		p := set.Param(name)
		shape, ok := f.Shape(name)
		if p == nil || !ok || len(shape) != len(p.Shape) {
			return false
		}
		for i := range shape {
			if shape[i] != p.Shape[i] {
				return false
			}
		}
		return true
	}
	uniform = n.KShot != nil && !fits("kshot_rw.0.weight")
	_, err = set.Load(f, nn.LoadOptions{
		Only:   func(name string) bool { return !(uniform && IsOptionalParam(name)) },
		Ignore: IsOptionalParam,
	})
	n.uniformShots = uniform
	return uniform, err
}

// LoadBase takes over the backbone and the base learner from a file of the base stage
// (PSPNet) or of a whole HDMNet. PSPNet's cls.4 is HDMNet's base_learnear.2.
func (n *HDMNet) LoadBase(set *nn.Set, f *weights.File) error {
	_, pspnet := f.Shape("cls.4.weight")
	_, err := set.Load(f, nn.LoadOptions{
		Only:   IsBaseParam,
		Ignore: func(string) bool { return true },
		FileName: func(name string) string {
			if rest, ok := strings.CutPrefix(name, "base_learnear.2."); ok && pspnet {
				return "cls.4." + rest
			}
			return name
		},
	})
	return err
}

// LoadBackbone reads the backbone alone, for example ImageNet weights.
func (n *PSPNet) LoadBackbone(set *nn.Set, f *weights.File) error { return loadBackbone(set, f) }

// LoadBackbone reads the backbone alone, for example ImageNet weights.
func (n *HDMNet) LoadBackbone(set *nn.Set, f *weights.File) error { return loadBackbone(set, f) }

func loadBackbone(set *nn.Set, f *weights.File) error {
	_, err := set.Load(f, nn.LoadOptions{Only: IsBackboneParam, Ignore: func(string) bool { return true }})
	return err
}
