package model

import (
	"fmt"
	"math"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/synth"
)

// fused runs a small network on the episode "fusion" (2 queries), whose one support is
// given k times, or on k supports of their own, and returns the final and the meta map.
func fused(t *testing.T, way Fusion, trained, k int, copies, ambiguity bool) (final, meta []float32, out *Output) {
	t.Helper()
	const b, size = 2, 65
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	net, err := NewHDMNet(Options{Backbone: "tiny", BaseClasses: 6, Shots: 1, Ambiguity: ambiguity})
	if err != nil {
		t.Fatal(err)
	}
	set, tape := nn.NewInferenceSet(dev, net, 3), nn.NewTape(dev)
	t.Cleanup(func() { tape.Arena.Close(); set.Close() })
	if err := set.Fill(func(p *nn.Param, v []float32) error { synth.FillParam(v, p.Name, p.Shape); return nil }); err != nil {
		t.Fatal(err)
	}
	net.Fuse(way, trained)
	e := synth.MakeEpisodes("fusion", b, k, size, 6)
	if copies {
		one := size * size
		for i := range b * k {
			first := i / k * k
			copy(e.Support[i*one*3:(i+1)*one*3], e.Support[first*one*3:(first+1)*one*3])
			copy(e.SupportMask[i*one:(i+1)*one], e.SupportMask[first*one:(first+1)*one])
		}
	}
	tape.Begin(false, 0)
	in := Input{Query: nhwc(tape, e.Query, b, size), SupportMask: tape.Arena.Uint8(b, k, size, size)}
	in.Support = op.Reshape(nhwc(tape, e.Support, b*k, size), b, k, size, size, 3)
	dev.Upload(in.SupportMask, e.SupportMask)
	out = net.Forward(tape, in)
	read := func(v *nn.Var) []float32 {
		x := make([]float32, op.Len(v.Value))
		dev.Download(x, v.Value)
		return x
	}
	return read(out.Final), read(out.Meta), out
}

// nhwc uploads pictures [n,3,s,s] as [n,s,s,3].
func nhwc(t *nn.Tape, x []float32, n, s int) op.Tensor {
	v := make([]float32, len(x))
	for i := range x {
		picture, channel, pixel := i/(3*s*s), i/(s*s)%3, i%(s*s)
		v[(picture*s*s+pixel)*3+channel] = x[i]
	}
	y := t.Arena.Float32(n, s, s, 3)
	t.Dev.Upload(y, v)
	return y
}

func far(a, b []float32) float64 {
	var d, n float64
	for i := range a {
		d += float64(a[i]-b[i]) * float64(a[i]-b[i])
		n += float64(a[i]) * float64(a[i])
	}
	return math.Sqrt(d / n)
}

// TestFusionOfCopies: the same support three times says what it says once, scaled and by
// vote; the plain sum says something else. With ambiguity elimination likewise.
func TestFusionOfCopies(t *testing.T) {
	fusionOfCopies(t, false, 1e-5)
	// MaskedAveragePool adds 0.0005 to an area, which copies make larger.
	fusionOfCopies(t, true, 1e-4)
}

func fusionOfCopies(t *testing.T, ambiguity bool, tol float64) {
	t.Helper()
	once, onceMeta, _ := fused(t, FusionJoint, 1, 1, true, ambiguity)
	for _, way := range []Fusion{FusionScaled, FusionAuto} {
		final, meta, out := fused(t, way, 1, 3, true, ambiguity)
		if a, b := far(once, final), far(onceMeta, meta); a > tol || b > tol || out.Votes != 1 {
			t.Errorf("%s: final differs by %.2g, meta by %.2g, votes %d", way, a, b, out.Votes)
		}
	}
	final, meta, out := fused(t, FusionVote, 1, 3, true, ambiguity)
	if out.Votes != 3 || len(final) != 3*len(once) {
		t.Fatalf("%d votes, %d values of %d", out.Votes, len(final), len(once))
	}
	row := len(once) / 2 // of one of the 2 episodes
	for i := range 2 * 3 {
		at := i / 3 * row
		if a, b := far(once[at:at+row], final[i*row:(i+1)*row]), far(onceMeta[at:at+row], meta[i*row:(i+1)*row]); a > tol || b > tol {
			t.Errorf("vote %d: final differs by %.2g, meta by %.2g", i, a, b)
		}
	}
	if _, meta, _ := fused(t, FusionJoint, 1, 3, true, ambiguity); far(onceMeta, meta) < 1e-4 {
		t.Error("the sum over three supports is that over one: the test would not see the scale")
	}
}

// TestFusionIsTheReleasesSum: with as many supports as in training, auto and scaled are
// joint to the last bit.
func TestFusionIsTheReleasesSum(t *testing.T) {
	joint, _, _ := fused(t, FusionJoint, 3, 3, false, false)
	for _, way := range []Fusion{"", FusionAuto, FusionScaled} {
		if got, _, _ := fused(t, way, 3, 3, false, false); fmt.Sprint(got) != fmt.Sprint(joint) {
			t.Errorf("%q differs from joint", way)
		}
	}
}

func TestFused(t *testing.T) {
	var n HDMNet
	if got := n.Fused(5); got != FusionJoint {
		t.Errorf("before Fuse: %s", got)
	}
	for _, c := range []struct {
		way        Fusion
		trained, k int
		want       Fusion
		scale      float32
	}{
		{FusionAuto, 1, 1, FusionJoint, 1}, {FusionAuto, 1, 5, FusionScaled, 0.2}, {FusionAuto, 5, 1, FusionScaled, 5}, {FusionAuto, 5, 5, FusionJoint, 1},
		{FusionJoint, 1, 5, FusionJoint, 1}, {FusionScaled, 2, 8, FusionScaled, 0.25}, {FusionVote, 1, 1, FusionJoint, 1}, {FusionVote, 1, 2, FusionVote, 1},
	} {
		n.Fuse(c.way, c.trained)
		if got := n.Fused(c.k); got != c.want || n.fusion.scale(c.k) != c.scale {
			t.Errorf("%s of %d trained on %d: %s, scale %g; want %s, %g", c.way, c.k, c.trained, got, n.fusion.scale(c.k), c.want, c.scale)
		}
	}
	if _, err := ParseFusion("mean"); err == nil {
		t.Error("mean is no fusion")
	}
}
