package model

import (
	"math"
	"testing"

	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/vit"
)

// TestEpisodeCost: the operations of the parts of an episode, in 10⁹, counted by hand from
// the network's description.
func TestEpisodeCost(t *testing.T) {
	coco := Options{Backbone: "resnet50", BaseClasses: 61, Shots: 1}
	pascal5 := Options{Backbone: "resnet50", BaseClasses: 16, Shots: 5}
	at := func(o Options, size int) Cost {
		c, err := EpisodeCost(o, size)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	large, small := at(coco, 633), at(pascal5, 473)
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"backbone 633", large.Backbone, 2 * (22.6 + 11.8 + 16.8 + 90.6 + 191.3)},
		{"head 633", large.Head, 2*241.6 + 0.4},
		{"prior 633", large.Prior, 209.7},
		{"gram 633", large.Gram, 6.7},
		{"projections 633", large.Projections, 10.9},
		{"transformer 633", large.Transformer, 38.0},
		{"episode 633", large.Forward(), 1415},
		{"training step of 6", 6 * (large.Forward() + large.Backward()), 9100},
		{"backbone 473, 5 shots", small.Backbone, 6 * (12.6 + 6.6 + 9.4 + 51.0 + 107.6)},
		{"head 473, 5 shots", small.Head, 6*135.9 + 0.06},
		{"prior 473, 5 shots", small.Prior, 5 * 66.4},
	} {
		if got := c.got / 1e9; math.Abs(got-c.want) > 0.01*c.want {
			t.Errorf("%s: %.2f·10⁹ operations, want %.2f·10⁹", c.name, got, c.want)
		}
	}
	if _, err := EpisodeCost(Options{Backbone: "alexnet", BaseClasses: 2, Shots: 1}, 65); err == nil {
		t.Error("a backbone that does not exist has a cost")
	}
}

// convCounter counts the operations of the convolutions that a device is given.
type convCounter struct {
	op.Device
	flop float64
}

func (c *convCounter) FrozenConv2D(y, x op.Tensor, f op.FrozenConv, residual op.Tensor, activation op.Activation) {
	s := f.Shape()
	c.flop += 2 * float64(op.Len(y)) * float64(s[1]*s[2]*s[3])
	c.Device.FrozenConv2D(y, x, f, residual, activation)
}

func (c *convCounter) SelfAttention(y, lse, q, k, v op.Tensor, heads int) {
	c.flop += 4 * float64(op.Len(q)) * float64(k.Shape()[1])
	c.Device.SelfAttention(y, lse, q, k, v, heads)
}

// TestBackboneCost: the count is that of the convolutions, and of the attention of encoders,
// that a forward pass makes.
func TestBackboneCost(t *testing.T) {
	for _, name := range Backbones() {
		size := 65
		if spec, ok := vit.Find(name); ok {
			if spec.Blocks > 3 {
				continue // large, and of a small one's making
			}
			size = 5 * spec.Patch
		}
		dev := &convCounter{Device: open(t)}
		net, err := NewHDMNet(Options{Backbone: name, BaseClasses: 16, Shots: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer inference(dev, net).Close()
		tape := nn.NewTape(dev)
		f2, f3, f4 := net.Base.Backbone.features(tape, tape.Const(tape.Arena.Zeros(1, size, size, 3)))
		flop, side := net.Base.Backbone.cost(size)
		if flop != dev.flop || side != f3.Value.Shape()[1] {
			t.Errorf("%s: %g operations to side %d, the network made %g to %v", name, flop, side, dev.flop, f3.Value.Shape())
		}
		tape.Free(f2, f3, f4)
	}
}
