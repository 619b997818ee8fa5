package model

import (
	"math"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/nn"
	"hdmnet/internal/synth"
)

// TestPyramidLevelsNest: where the finest cells divide the map, the pyramid's averages of
// averages are those of the map itself.
func TestPyramidLevelsNest(t *testing.T) {
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	net, err := NewPSPNet(Options{Backbone: "tiny", BaseClasses: 3})
	if err != nil {
		t.Fatal(err)
	}
	nn.NewSet(dev, net, 1)
	tape := nn.NewTape(dev)
	_, _, c := net.Base.Backbone.channels()
	for _, size := range []int{6, 12, 13} {
		tape.Begin(false, 0)
		v := tape.Arena.Float32(2, size, size, c)
		dev.Upload(v, synth.Image("pyramid", c, 2*size, size))
		x := tape.Const(v)
		levels := net.Base.PPM.levels(tape, x)
		for i, f := range net.Base.PPM.Features {
			want := tape.ConvBN(tape.AdaptiveAvgPool(x, f.bins), f.Conv, nil, true)
			got, plain := nchw(dev, levels[i].Value), nchw(dev, want.Value)
			for k := range got {
				if d := math.Abs(float64(got[k] - plain[k])); d > 1e-5*(1+math.Abs(float64(plain[k]))) {
					t.Fatalf("size %d, %d bins: element %d is %g, want %g", size, f.bins, k, got[k], plain[k])
				}
			}
		}
	}
}
