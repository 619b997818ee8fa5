package model

import (
	"fmt"
	"slices"
	"strings"

	"hdmnet/internal/nn"
)

// Fusion is how the network takes several supports at once. The matching layers sum over
// the foreground of all supports, so K supports give K times what one gives.
type Fusion string

// The ways to take K supports by a network trained on R.
const (
	FusionAuto   Fusion = "auto"   // joint where K = R, else scaled
	FusionJoint  Fusion = "joint"  // the sum as it is: the release
	FusionScaled Fusion = "scaled" // the sum times R/K
	FusionVote   Fusion = "vote"   // K passes of one support each, the mean of their probabilities
)

// Fusions lists the values of Fusion.
func Fusions() []Fusion { return []Fusion{FusionAuto, FusionJoint, FusionScaled, FusionVote} }

// ParseFusion reads a Fusion by its name.
func ParseFusion(name string) (Fusion, error) {
	if f := Fusion(name); slices.Contains(Fusions(), f) {
		return f, nil
	}
	var names []string
	for _, f := range Fusions() {
		names = append(names, string(f))
	}
	return "", fmt.Errorf("shot fusion %q does not exist; there are %s", name, strings.Join(names, ", "))
}

// fusion is the way that is set, and R.
type fusion struct {
	way     Fusion
	trained int
}

// Fuse says how supports are taken, and with how many the network was trained (at least 1;
// with a varying number: the number that the sum was scaled to). Before it is called the
// sum is taken as it is.
func (n *HDMNet) Fuse(way Fusion, trained int) { n.fusion = fusion{way, trained} }

// Fused is the way in which the network takes k supports: joint, scaled or vote.
func (n *HDMNet) Fused(k int) Fusion {
	switch {
	case n.fusion.votes(k):
		return FusionVote
	case n.fusion.scale(k) != 1:
		return FusionScaled
	}
	return FusionJoint
}

// scale is the factor of the sum over k supports.
func (f fusion) scale(k int) float32 {
	if f.way == FusionScaled || f.way == FusionAuto {
		return float32(f.trained) / float32(k)
	}
	return 1
}

// votes tells whether every one of k shots gets a pass of its own.
func (f fusion) votes(k int) bool { return f.way == FusionVote && k > 1 }

// vote runs the network behind the backbone for one shot after the other. f holds the
// features of b queries and then of b·k supports, whose sides masks holds.
func (n *HDMNet) vote(t *nn.Tape, out *Output, f features, masks sides, b, k int) {
	s := f.f3.Value.Shape()
	out.Votes = k
	out.Final, out.Meta = t.Const(t.Arena.Float32(b*k, s[1], s[2], 2)), t.Const(t.Arena.Float32(b*k, s[1], s[2], 2))
	for j := range k {
		one := f.shot(t, b, k, j)
		m := masks.shot(t, b, k, j)
		single := &n.shotOut
		*single = Output{Base: out.Base}
		n.match(t, single, one, m, nil, b, 1)
		for i := range b {
			t.Dev.Copy(t.Arena.Rows(out.Final.Value, i*k+j, i*k+j+1), t.Arena.Rows(single.Final.Value, i, i+1))
			t.Dev.Copy(t.Arena.Rows(out.Meta.Value, i*k+j, i*k+j+1), t.Arena.Rows(single.Meta.Value, i, i+1))
		}
		out.Maps, out.Contrasts, out.Similarity, out.QueryMerge, out.SuppMerge = single.Maps, single.Contrasts, single.Similarity, single.QueryMerge, single.SuppMerge
		t.Free(single.Final, single.Meta, one.f2, one.f3, one.f4, one.f5)
		m.free(t)
	}
}

// shot is the features of b queries and of the supports of one shot.
func (f *features) shot(t *nn.Tape, b, k, shot int) features {
	var one features
	one.room(t, f.values(), 2*b)
	for n, x := range f.values() {
		y := one.values()[n]
		t.Dev.Copy(t.Arena.Rows(y, 0, b), t.Arena.Rows(x, 0, b))
		for i := range b {
			from := b + i*k + shot
			t.Dev.Copy(t.Arena.Rows(y, b+i, b+i+1), t.Arena.Rows(x, from, from+1))
		}
	}
	return one
}
