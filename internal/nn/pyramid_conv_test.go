package nn

import (
	"math"
	"math/rand/v2"
	"testing"

	"hdmnet/internal/op"
)

// TestPyramidConvByLinearity: the folded path gives what resizing, concatenating and
// convolving give, and its memory goes back.
func TestPyramidConvByLinearity(t *testing.T) {
	type net struct {
		Head *ConvBN `w:"conv+bn,frozen"`
	}
	const channels, width = 16, 6
	bins := []int{1, 2, 3, 6}
	n := &net{NewPyramidConv(width, channels, 4, 4, 4, 4)}
	dev := &counting{Device: device(t)}
	set, tape := NewSet(dev, n, 1), NewTape(dev)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"bn.weight", "bn.bias", "bn.running_mean"} {
		v := make([]float32, width)
		for i := range v {
			v[i] = rng.Float32() + 0.5
		}
		set.Put(set.Param(name), v)
	}
	for _, s := range [][2]int{{9, 7}, {6, 6}, {2, 3}, {1, 1}} {
		run := func(record bool) []float32 {
			tape.Begin(record, 0)
			rng := rand.New(rand.NewPCG(3, 4))
			fill := func(shape ...int) *Var {
				x := tape.Arena.Float32(shape...)
				v := make([]float32, op.Len(x))
				for i := range v {
					v[i] = 2*rng.Float32() - 1
				}
				dev.Upload(x, v)
				return tape.Const(x)
			}
			x := fill(2, s[0], s[1], channels)
			var levels []*Var
			for _, b := range bins {
				levels = append(levels, fill(2, b, b, 4))
			}
			y := tape.PyramidConv(x, levels, n.Head)
			out := make([]float32, op.Len(y.Value))
			dev.Download(out, y.Value)
			return out
		}
		folded, plain := run(false), run(true)
		for i := range plain {
			if !(math.Abs(float64(folded[i]-plain[i])) <= 1e-5*(1+math.Abs(float64(plain[i])))) {
				t.Fatalf("%v: element %d is %g by linearity, %g plainly", s, i, folded[i], plain[i])
			}
		}
	}
	if err := tape.Arena.Close(); err != nil {
		t.Fatal(err)
	}
	if err := set.Close(); err != nil {
		t.Fatal(err)
	}
	if dev.blocks != 0 {
		t.Errorf("%d blocks were not given back", dev.blocks)
	}
}
