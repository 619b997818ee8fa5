package nn

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"hdmnet/internal/golden"
	"hdmnet/internal/op"
)

// collapsedNet is a collapsed convolution behind a parameter that gives its input, so
// that the gradient of the input can be read as that parameter's.
type collapsedNet struct {
	Input *Param         `w:"input"`
	Chain *CollapsedConv `w:"chain"`
}

// plain runs the five layers of c one after the other.
func plain(t *Tape, x *Var, c *CollapsedConv) *Var {
	a := t.BatchNorm(t.Linear(x, c.Expand), c.Norm1)
	return t.Linear(t.BatchNorm(t.Conv2D(a, c.Conv), c.Norm2), c.Project)
}

// TestCollapsedConv: values and the gradients of the input and of every factor are those
// of the five layers, with random affine parameters and running statistics.
func TestCollapsedConv(t *testing.T) {
	const in, hidden, classes = 12, 20, 5
	for _, batch := range []int{1, 2} {
		for _, size := range [][2]int{{5, 7}, {1, 1}, {2, 1}} {
			t.Run(fmt.Sprintf("%dx%dx%d", batch, size[0], size[1]), func(t *testing.T) {
				dev, h, w := device(t), size[0], size[1]
				net := &collapsedNet{Input: &Param{Shape: []int{batch, h, w, in}, Init: Values(0)}, Chain: NewCollapsedConv(in, hidden, classes)}
				set := NewSet(dev, net, 11)
				r := rand.New(rand.NewPCG(5, uint64(batch*h*w)))
				random := func(n int, center, spread float64) []float32 {
					v := make([]float32, n)
					for i := range v {
						v[i] = float32(center + spread*(2*r.Float64()-1))
					}
					return v
				}
				for _, p := range set.Params {
					switch {
					case p == net.Input || p.Shape[0] == hidden && len(p.Shape) == 1 && p.Role == Buffer && !strings.HasSuffix(p.Name, "var"):
						set.Put(p, random(p.Len(), 0, 1))
					case strings.HasSuffix(p.Name, "var"):
						set.Put(p, random(p.Len(), 1.2, 0.8))
					case p == net.Chain.Norm1.Weight || p == net.Chain.Norm2.Weight:
						set.Put(p, random(p.Len(), 0.2, 1))
					case strings.HasSuffix(p.Name, "bias"):
						set.Put(p, random(p.Len(), 0, 0.5))
					}
				}
				pull := random(batch*h*w*classes, 0, 1)
				tape := NewTape(dev)
				pass := func(f func(*Tape, *Var, *CollapsedConv) *Var, record bool) (y []float32, grads map[string][]float32) {
					dev.Zero(set.Grads)
					tape.Begin(record, 0)
					out := f(tape, tape.param(net.Input), net.Chain)
					y = make([]float32, op.Len(out.Value))
					dev.Download(y, out.Value)
					if !record {
						return y, nil
					}
					dev.Upload(tape.Grad(out), pull)
					tape.Backward()
					grads = map[string][]float32{}
					for _, p := range set.Params {
						if p.Role == Trainable {
							grads[p.Name] = set.Gradient(p)
						}
					}
					return y, grads
				}
				want, wantGrads := pass(plain, true)
				recorded, grads := pass((*Tape).CollapsedConv, true)
				evaluated, _ := pass((*Tape).CollapsedConv, false)
				for what, got := range map[string][]float32{"recording": recorded, "evaluating": evaluated} {
					if e := golden.RelL2(got, want); !(e <= 1e-5) {
						t.Errorf("%s: values differ by %.2g", what, e)
					}
				}
				if len(grads) != 11 {
					t.Fatalf("%d gradients, want those of the input and ten factors", len(grads))
				}
				for name, g := range grads {
					if e := golden.RelL2(g, wantGrads[name]); !(e <= 1e-4) {
						t.Errorf("%s: gradients differ by %.2g", name, e)
					}
				}
			})
		}
	}
}

// TestCollapsedConvMemory: a call that does not record gives back everything but its
// result, and a recorded pass takes no more than the one before.
func TestCollapsedConvMemory(t *testing.T) {
	dev := device(t)
	net := &collapsedNet{Input: &Param{Shape: []int{1, 3, 3, 4}, Init: Values(1)}, Chain: NewCollapsedConv(4, 8, 2)}
	NewSet(dev, net, 1)
	for _, record := range []bool{false, true} {
		tape := NewTape(dev)
		var held int64
		for pass := range 3 {
			tape.Begin(record, 0)
			for call := range 3 {
				y := tape.CollapsedConv(tape.param(net.Input), net.Chain)
				if record {
					tape.Grad(y)
					tape.Backward()
					break
				}
				tape.Free(y)
				if pass == 0 && call == 0 {
					held = tape.Arena.Held()
				}
			}
			if pass == 0 && record {
				held = tape.Arena.Held()
			}
			if tape.Arena.Held() != held {
				t.Fatalf("record %v, pass %d: holds %d bytes, at first %d", record, pass, tape.Arena.Held(), held)
			}
		}
	}
}

func TestCollapsedConvRejectsBatchStatistics(t *testing.T) {
	dev := device(t)
	c := NewCollapsedConv(4, 8, 2)
	NewSet(dev, &collapsedNet{Input: &Param{Shape: []int{1}, Init: Values(0)}, Chain: c}, 1)
	tape := NewTape(dev)
	tape.BatchStats = true
	tape.Begin(true, 0)
	defer func() {
		if s, ok := recover().(string); !ok || !strings.Contains(s, "chain.2.weight") || !strings.Contains(s, "BatchStats") {
			t.Errorf("panicked with %q, want the layer's name and the remedy", s)
		}
	}()
	tape.CollapsedConv(tape.Const(tape.Arena.Zeros(1, 3, 3, 4)), c)
}
