package nn

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/op"
	"hdmnet/internal/weights"
)

type pyramidToy struct {
	Toy  *toyNet `w:""`
	Head *ConvBN `w:"head.0+1,frozen"`
}

// TestInferenceSet: a set that keeps its convolutions folded alone computes the same bits
// as one that folds the parameters it has, initializes what a file lacks, and gives all
// memory back.
func TestInferenceSet(t *testing.T) {
	newNet := func() *pyramidToy { return &pyramidToy{newToy(), NewPyramidConv(6, 3, 2)} }
	run := func(tape *Tape, n *pyramidToy) []float32 {
		tape.Begin(false, 0)
		rng := rand.New(rand.NewPCG(3, 4))
		fill := func(shape ...int) *Var {
			x := tape.Arena.Float32(shape...)
			v := make([]float32, op.Len(x))
			for i := range v {
				v[i] = 2*rng.Float32() - 1
			}
			tape.Dev.Upload(x, v)
			return tape.Const(x)
		}
		y := tape.ConvBN(fill(2, 5, 4, 2), n.Toy.First, nil, true)
		y = tape.DepthwiseGELU(tape.Linear(y, n.Toy.Blocks[0].Fc), n.Toy.Depth, 0)
		y = tape.PyramidConv(y, []*Var{fill(2, 2, 2, 2)}, n.Head)
		out := make([]float32, op.Len(y.Value))
		tape.Dev.Download(out, y.Value)
		return out
	}
	whole, dev := newNet(), &counting{Device: device(t)}
	all := NewSet(device(t), whole, 7)
	for _, p := range all.Params {
		if strings.HasSuffix(p.Name, "running_var") || strings.HasSuffix(p.Name, "1.bias") {
			v := all.Get(p)
			for i := range v {
				v[i] += 0.3 * float32(i+1)
			}
			all.Put(p, v)
		}
	}
	want := run(NewTape(all.dev), whole)
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := weights.Save(path, all.Tensors(), nil); err != nil {
		t.Fatal(err)
	}
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()

	net, tape := newNet(), NewTape(dev)
	set := NewInferenceSet(dev, net, 8)
	for range 2 { // a second time over the first
		if _, err := set.Load(f, LoadOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := run(tape, net); !slices.Equal(got, want) {
			t.Errorf("folded alone: %v, want %v", got, want)
		}
	}
	if net.Toy.First.Conv.Weight.Value != nil || set.Values != nil || set.Grads != nil {
		t.Error("it keeps weights beside the folded ones, or gradients")
	}
	if _, err := set.Load(f, LoadOptions{Only: func(name string) bool { return name != "blocks.0.fc.weight" }}); err != nil {
		t.Fatal(err)
	}
	fresh := NewSet(device(t), newNet(), 8)
	for name, from := range map[string]*Set{"blocks.0.fc.weight": fresh, "blocks.1.fc.weight": all, "depth.weight": all} {
		if got, want := set.Get(set.Param(name)), from.Get(from.Param(name)); !slices.Equal(got, want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	broken := errors.New("broken")
	if err := set.Fill(func(p *Param, v []float32) error {
		if p.Name == "stem.1.bias" {
			return broken
		}
		return nil
	}); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if err := errors.Join(tape.Arena.Close(), set.Close()); err != nil || dev.blocks != 0 {
		t.Errorf("%d blocks were not given back, %v", dev.blocks, err)
	}
	defer func() {
		if r, ok := recover().(string); !ok || !strings.Contains(r, "stem.0.weight") {
			t.Errorf("weights that are kept folded alone: %v", r)
		}
	}()
	set.Get(set.Param("stem.0.weight"))
}
