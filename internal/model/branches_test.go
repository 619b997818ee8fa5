package model

import (
	"slices"
	"testing"

	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// oneByOne is a device without branches.
type oneByOne struct{ op.Device }

func (d oneByOne) NonStdAlloc() {}

func (d oneByOne) Capabilities() op.Capabilities {
	c := d.Device.Capabilities()
	c.Branches = nil
	return c
}

// TestBranchesChangeNoBit: training steps and evaluations, as graphs once they repeat, give the
// bits of the same calls one after the other.
func TestBranchesChangeNoBit(t *testing.T) {
	dev := open(t)
	if dev.Capabilities().Branches == nil {
		t.Skipf("%s has no branches: HDMNET_TEST_DEVICE names another device", dev.Name())
	}
	for name, c := range map[string]struct {
		shots     int
		ambiguity bool
	}{"1 shot": {1, false}, "ambiguity": {1, true}} {
		t.Run(name, func(t *testing.T) {
			run := func(dev op.Device) (results []float32) {
				const batch, size = 2, 33
				b := newBench(t, batch, c.shots, size)
				b.dev, b.tape = dev, nn.NewTape(dev)
				defer func() {
					if err := b.tape.Arena.Close(); err != nil {
						t.Error(err)
					}
				}()
				net, err := NewHDMNet(Options{Backbone: "tiny", BaseClasses: b.classes, Shots: c.shots, Ambiguity: c.ambiguity})
				if err != nil {
					t.Fatal(err)
				}
				b.training(net)
				keep := func(x op.Tensor) {
					v := make([]float32, op.Len(x))
					dev.Download(v, x)
					results = append(results, v...)
				}
				const passes = 3 // of which the last one is a graph
				for range passes {
					var out *Output
					var loss op.Tensor
					b.step++
					b.tape.Begin(true, uint64(b.step))
					b.tape.Training = true
					dev.Zero(b.set.Grads)
					in, query, base := b.input(), b.labels(b.queryMask, batch, size, size), b.labels(b.baseLabel, batch, size, size)
					op.CaptureGraph(dev, func() {
						out = net.Forward(b.tape, in)
						loss = net.Loss(b.tape, out, query, base, LossOptions{Distill: 1, Scale: 1})
						op.AddLate(dev, b.set.Grads, b.tape.Backward)
					})
					dev.AdamW(b.set.Values, b.moment1, b.moment2, b.set.Grads,
						op.AdamWParams{Rates: b.rates, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, Step: b.step})
					if b.step == passes {
						for _, x := range []op.Tensor{loss, out.Final.Value, out.Base.Value, out.Similarity.Value, b.set.Grads, b.set.Values} {
							keep(x)
						}
					}
				}
				for i := range passes {
					b.tape.Begin(false, 0)
					b.tape.Training = false
					in := b.input()
					var out *Output
					op.CaptureGraph(dev, func() { out = net.Forward(b.tape, in) })
					if i == passes-1 {
						keep(out.Final.Value)
						keep(out.Base.Value)
					}
				}
				return results
			}
			want, got := run(oneByOne{dev}), run(dev)
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("branches change %d of %d values", differing(got, want), len(want))
			}
		})
	}
}

func differing(a, b []float32) (n int) {
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}
