package nn

import (
	"math"
	"testing"

	"hdmnet/internal/op"
)

// TestTapeGradient: gradients through views, a value used twice and a chain of layers
// against finite differences of the whole chain.
func TestTapeGradient(t *testing.T) {
	dev := device(t)
	net := newToy()
	set := NewSet(dev, net, 3)
	tape := NewTape(dev)
	label := []uint8{0, 1, 2, 255, 1, 0, 2, 2}
	input := make([]float32, 2*2*2*3)
	for i := range input {
		input[i] = float32(math.Sin(float64(i)))
	}
	loss := func(record bool) float64 {
		tape.Begin(record, 0)
		v := tape.Arena.Float32(2, 2, 2, 3)
		dev.Upload(v, input)
		a := tape.Linear(tape.Const(v), net.Blocks[0].Fc)
		g := tape.ReLU(a)
		top := tape.Linear(tape.Rows(g, 0, 1), net.Blocks[1].Fc)
		both := tape.JoinRows(top, tape.Rows(g, 1, 2))
		d := tape.DepthwiseGELU(both, net.Depth, 0)
		sum := tape.Add(d, tape.Add(g, d))
		y := tape.Arena.Uint8(2, 2, 2)
		dev.Upload(y, label)
		l := tape.Arena.Zeros(2)
		tape.CrossEntropy(l, tape.Reshape(sum, 2, 2, 2, 3), y, 1)
		if record {
			tape.Backward()
		}
		host := make([]float32, 2)
		dev.Download(host, l)
		return float64(host[0])
	}
	dev.Zero(set.Grads)
	loss(true)
	for _, name := range []string{"blocks.0.fc.weight", "blocks.0.fc.bias", "blocks.1.fc.weight", "depth.weight", "depth.bias"} {
		p := set.Param(name)
		grad, v := set.Gradient(p), set.Get(p)
		for i := range v {
			const step = 1e-2
			keep := v[i]
			v[i] = keep + step
			set.Put(p, v)
			up := loss(false)
			v[i] = keep - step
			set.Put(p, v)
			down := loss(false)
			v[i] = keep
			set.Put(p, v)
			want := (up - down) / (2 * step)
			// float32 losses around 1 and a step of 1e-2 leave about 1e-5 of noise.
			if math.Abs(float64(grad[i])-want) > 3e-4 {
				t.Errorf("%s[%d]: gradient %g, finite difference %g", name, i, grad[i], want)
			}
		}
	}
}

// TestArenaReuse: passes of one shape take no more memory after the first.
func TestArenaReuse(t *testing.T) {
	dev := device(t)
	tape := NewTape(dev)
	var held int64
	for pass := range 3 {
		tape.Begin(false, 0)
		x := tape.Const(tape.Arena.Zeros(1, 4, 4, 8))
		for range 5 {
			y := tape.ReLU(x)
			tape.Free(x)
			x = y
		}
		if pass == 0 {
			held = tape.Arena.Held()
		}
	}
	if tape.Arena.Held() != held || held != 2*4*4*8*4 {
		t.Errorf("holds %d bytes, after the first pass %d, want two maps of %d", tape.Arena.Held(), held, 4*4*8*4)
	}
}

func TestDropoutSeedsDiffer(t *testing.T) {
	tape := &Tape{seed: 1}
	a, b := tape.dropout(0.5, false), tape.dropout(0.5, false)
	other := &Tape{seed: 2}
	if c := other.dropout(0.5, false); a.Seed == b.Seed || a.Seed == c.Seed {
		t.Error("two dropouts share a seed")
	}
	kept := 0
	for i := range 10000 {
		if a.Keep(i) {
			kept++
		}
	}
	if math.Abs(float64(kept)/10000-0.5) > 0.02 {
		t.Errorf("kept %d of 10000 at p = 0.5", kept)
	}
	if all := (op.DropoutParams{P: 0, Seed: 9}); !all.Keep(3) {
		t.Error("p = 0 drops")
	}
}
