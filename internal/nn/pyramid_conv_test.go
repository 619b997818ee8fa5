package nn

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"hdmnet/internal/golden"
	"hdmnet/internal/op"
)

// concatConv is PyramidConv as it is defined: resize, concatenate, convolve.
func concatConv(t *Tape, x *Var, levels []*Var, c *ConvBN) *Var {
	parts := []*Var{x}
	for _, p := range levels {
		parts = append(parts, t.Resize(p, x.Value.Shape()[1], x.Value.Shape()[2], true))
	}
	return t.BatchNorm(t.Conv2D(t.Concat(parts...), c.Conv), c.Norm)
}

// TestPyramidConvByLinearity: frozen, evaluated and recorded it gives what resizing,
// concatenating and convolving give, recorded with the same gradients of everything, and
// its memory goes back.
func TestPyramidConvByLinearity(t *testing.T) {
	type frozenNet struct {
		Head *ConvBN `w:"conv+bn,frozen"`
	}
	type trainedNet struct {
		Head *ConvBN `w:"conv+bn"`
	}
	const channels, width, batch = 16, 6, 2
	bins := []int{1, 2, 3, 6}
	dev := &counting{Device: device(t)}
	frozen := &frozenNet{NewPyramidConv(width, channels, 4, 4, 4, 4)}
	trained := &trainedNet{NewPyramidConv(width, channels, 4, 4, 4, 4)}
	frozenSet, set := NewSet(dev, frozen, 1), NewSet(dev, trained, 1)
	tape := NewTape(dev)
	rng := rand.New(rand.NewPCG(1, 2))
	random := func(n int, center float32) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = center + 2*rng.Float32() - 1
		}
		return v
	}
	for _, name := range []string{"bn.weight", "bn.bias", "bn.running_mean"} {
		v := random(width, 1)
		set.Put(set.Param(name), v)
		frozenSet.Put(frozenSet.Param(name), v)
	}
	for _, s := range [][2]int{{9, 7}, {6, 6}, {2, 3}, {1, 1}} {
		size := s[0] * s[1]
		inputs := [][]float32{random(batch*size*channels, 0)}
		for _, n := range bins {
			inputs = append(inputs, random(batch*n*n*4, 0))
		}
		pull := random(batch*size*width, 0)
		pass := func(f func(*Tape, *Var, []*Var, *ConvBN) *Var, c *ConvBN, record bool) (y []float32, grads [][]float32) {
			dev.Zero(set.Grads)
			tape.Begin(record, 0)
			var in []*Var
			for i, v := range inputs {
				shape := []int{batch, s[0], s[1], channels}
				if i > 0 {
					shape = []int{batch, bins[i-1], bins[i-1], 4}
				}
				x := &Var{Value: tape.Arena.Float32(shape...)}
				dev.Upload(x.Value, v)
				in = append(in, x)
			}
			before := len(tape.steps)
			out := f(tape, in[0], in[1:], c)
			y = make([]float32, op.Len(out.Value))
			dev.Download(y, out.Value)
			if !record {
				if len(tape.steps) != before {
					t.Errorf("%v: a pass that does not record has recorded", s)
				}
				return y, nil
			}
			dev.Upload(tape.Grad(out), pull)
			tape.Backward()
			for _, x := range in {
				g := make([]float32, op.Len(x.Value))
				dev.Download(g, tape.Grad(x))
				grads = append(grads, g)
			}
			return y, append(grads, set.Gradient(c.Conv.Weight), set.Gradient(c.Norm.Weight), set.Gradient(c.Norm.Bias))
		}
		want, wantGrads := pass(concatConv, trained.Head, true)
		recorded, grads := pass((*Tape).PyramidConv, trained.Head, true)
		evaluated, _ := pass((*Tape).PyramidConv, trained.Head, false)
		folded, _ := pass((*Tape).PyramidConv, frozen.Head, false)
		for what, got := range map[string][]float32{"recorded": recorded, "evaluated": evaluated, "folded": folded} {
			for i, v := range want {
				if !(math.Abs(float64(got[i]-v)) <= 1e-5*(1+math.Abs(float64(v)))) {
					t.Fatalf("%v, %s: element %d is %g by linearity, %g plainly", s, what, i, got[i], v)
				}
			}
		}
		for i, g := range grads {
			if e := golden.RelL2(g, wantGrads[i]); !(e <= 1e-5) {
				t.Errorf("%v: gradient %d (x, maps, weights, norm) differs by %.2g", s, i, e)
			}
		}
	}
	if err := errors.Join(tape.Arena.Close(), set.Close(), frozenSet.Close()); err != nil {
		t.Fatal(err)
	}
	if dev.blocks != 0 {
		t.Errorf("%d blocks were not given back", dev.blocks)
	}
}
