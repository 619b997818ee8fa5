package model

import (
	"strings"

	"hdmnet/internal/nn"
	"hdmnet/internal/vit"
	"hdmnet/internal/weights"
)

// encoderPrefix is before the names of an encoder's parameters in a network's.
const encoderPrefix = "vit."

// encoderAnchor is the tensor by which a network with an encoder is found.
const encoderAnchor = encoderPrefix + "embeddings.cls_token"

// encoder is a vision transformer as a backbone: the tokens after a third, two thirds and all
// of its blocks stand for layer2, layer3 and layer4. It is not trained, in no stage.
type encoder struct {
	ViT *vit.Encoder `w:"vit,frozen"`
}

// encoderEntries are the encoders of package vit.
func encoderEntries() (entries []backboneEntry) {
	for _, name := range vit.Names() {
		spec, _ := vit.Find(name)
		entries = append(entries, backboneEntry{
			name: name, make: func() backbone { return &encoder{vit.New(spec)} }, headWidth: min(512, 2*spec.Channels),
			is: func(shape shapes) bool {
				l, ok := vit.Match(func(name string) ([]int, bool) { return shape(encoderPrefix + name) })
				return ok && l.Spec.Name == name
			},
		})
	}
	return entries
}

func (e *encoder) channels() (c2, c3, c4 int) {
	c := e.ViT.Spec().Channels
	return c, c, c
}

func (e *encoder) features(t *nn.Tape, x *nn.Var) (f2, f3, f4 *nn.Var) {
	n := e.ViT.Spec().Blocks
	maps := e.ViT.Forward(t, x.Value, []int{n / 3, 2 * n / 3, n})
	return maps[0], maps[1], maps[2]
}

func (e *encoder) cost(size int) (flop float64, side int) { return e.ViT.Spec().Cost(size) }

// encoderOf is the encoder that a network has for a backbone, or nil.
func encoderOf(b backbone) *vit.Encoder {
	if e, ok := b.(*encoder); ok {
		return e.ViT
	}
	return nil
}

// encoderLayout is the layout of a file of an encoder, whose names are put behind the prefix.
func encoderLayout(found vit.Layout) (Layout, translation) {
	l := Layout{Kind: BackboneAlone, Source: found.Source, Backbone: found.Spec.Name, Problem: found.Problem, encoder: &found}
	if found.Problem != "" {
		return l, unchanged
	}
	l.About = found.Notes()
	l.lacks = func(name string) bool { return found.Lacks(strings.TrimPrefix(name, encoderPrefix)) }
	return l, func(f *weights.File) (*weights.File, error) {
		g, err := found.View(f)
		if err != nil {
			return nil, err
		}
		return g.Renamed(func(name string) (string, bool) { return encoderPrefix + name, true })
	}
}
