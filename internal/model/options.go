// Package model is HDMNet: backbones, the PSPNet base learner, the network of the paper
// and its losses. It reads like the paper and knows no particular device.
package model

import (
	"fmt"
	"slices"
	"strings"
)

// Options say which network to build.
type Options struct {
	Backbone      string // one of Backbones()
	BaseClasses   int    // base classes of the fold plus background: 16 on PASCAL-5i, 61 on COCO-20i
	Shots         int    // K ≥ 1, HDMNet only
	KShotReweight bool   // train kshot_rw; the release leaves it as initialized
	Ambiguity     bool   // ambiguity elimination (AENet, ECCV 2024); not in the release
}

// Backbones lists the backbone names.
func Backbones() []string {
	var names []string
	for _, e := range backboneEntries {
		names = append(names, e.name)
	}
	return names
}

func (o Options) check() error {
	switch {
	case !slices.Contains(Backbones(), o.Backbone):
		return fmt.Errorf("unknown backbone %q; there are %s", o.Backbone, strings.Join(Backbones(), ", "))
	case o.BaseClasses < 2:
		return fmt.Errorf("%d base classes with background; a fold has at least one base class", o.BaseClasses)
	case o.Shots < 1:
		return fmt.Errorf("%d shots; K is at least 1", o.Shots)
	}
	return nil
}

// IsBaseParam tells whether a parameter belongs to the backbone or the base learner:
// what the base stage trains and the meta stage takes over frozen.
func IsBaseParam(name string) bool {
	for _, p := range []string{"layer", encoderPrefix, "ppm.", "cls.", "base_learnear."} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// IsBackboneParam tells whether a parameter belongs to the backbone: what an ImageNet
// checkpoint provides.
func IsBackboneParam(name string) bool {
	return strings.HasPrefix(name, "layer") || strings.HasPrefix(name, encoderPrefix)
}

// isOptionalParam tells whether a checkpoint may lack a parameter: kshot_rw exists only
// for K > 1; without it the shots weigh alike.
func isOptionalParam(name string) bool { return strings.HasPrefix(name, "kshot_rw.") }
