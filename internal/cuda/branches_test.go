//go:build cuda

package cuda

import (
	"slices"
	"testing"
	"unsafe"

	"gorgonia.org/cu"

	"hdmnet/internal/op"
)

// TestGraphBranches: in a graph, the work of two branches waits for what was before the fork,
// what is after the join waits for both, and neither waits for the other.
func TestGraphBranches(t *testing.T) {
	d := open(t)
	x := d.scratch(4 * 64)
	defer d.freeScratch(x)
	at := func(i int) pointer { return offset(x, 64*i) }
	zero := func(i int) { d.zero(at(i), 256) }
	d.wait(func() error { return beginCapture(d.stream) })
	zero(0)
	d.Fork(op.SecondBranch)
	zero(1)
	zero(1)
	d.OtherBranch()
	zero(2)
	zero(2)
	zero(2)
	d.Join()
	zero(3)
	var from, to []cu.Node
	d.wait(func() error {
		g, err := endCapture(d.stream)
		if err != nil {
			return err
		}
		defer func() { _ = g.destroy() }()
		from, to = make([]cu.Node, 32), make([]cu.Node, 32)
		edges, _, err := (*cu.Graph)(unsafe.Pointer(&g)).Edges(from, to)
		if err != nil {
			return err
		}
		from, to = from[:edges[0]], to[:edges[0]]
		return nil
	})
	// Nodes have no names: the paths from the one that waits for nothing tell them apart.
	next := func(n cu.Node) (after []cu.Node) {
		for i := range from {
			if from[i] == n {
				after = append(after, to[i])
			}
		}
		return after
	}
	first := slices.IndexFunc(from, func(n cu.Node) bool { return !slices.Contains(to, n) })
	if first < 0 {
		t.Fatal("every node waits for another one")
	}
	var lengths []int
	var ends []cu.Node
	for _, n := range next(from[first]) {
		length := 1
		for after := next(n); len(after) == 1; after = next(n) {
			n = after[0]
			length++
		}
		lengths, ends = append(lengths, length), append(ends, n)
	}
	slices.Sort(lengths)
	if !slices.Equal(lengths, []int{3, 4}) || ends[0] != ends[1] || len(from) != 7 {
		t.Errorf("from the first node paths of %v nodes lead to %v, by %d edges; want 2 and 3 nodes, then one that is the last of both, 7 edges", lengths, ends, len(from))
	}
}

// branchedTrial is some passes over two branches that free, clear and resize, after work that both
// use and before work that uses both. It gives what the last one computed.
func branchedTrial(t *testing.T, d *Device, cutOff bool) []float32 {
	t.Helper()
	const n, passes = 3000, 7
	a := op.NewArena(d)
	defer a.Close()
	got := make([]float32, n)
	for pass := range passes {
		a.Reset()
		x := a.Float32(n)
		values := make([]float32, n)
		for i := range values {
			values[i] = float32((i*(pass+5))%97) / 8
		}
		d.Upload(x, values)
		var y [2]op.Tensor
		var z op.Tensor
		d.CaptureGraph(func() {
			before := a.Float32(n)
			d.ReLU(before, x)
			work := func(b int) {
				for i := range 4 {
					s := a.Zeros(n)
					d.AddScaled(s, before, float32(i+1))
					small, large := op.Reshape(s, 1, 30, 100, 1), a.Float32(1, 60, 200, 1)
					d.ResizeBilinear(large, small, true)
					next, product := a.Float32(n), a.Float32(1, 30, 100, 1)
					d.Linear(op.Reshape(product, 30, 100), op.Span(large, n*b, 30, 100), op.Span(large, 0, 100, 100), nil)
					d.Conv2D(op.Reshape(next, 1, 30, 25, 4), op.Reshape(product, 1, 30, 25, 4), op.Span(large, n, 4, 3, 3, 4), nil, nil, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1})
					if y[b] != nil {
						d.AddScaled(next, y[b], 1)
						a.Free(y[b])
					}
					a.Free(s)
					a.Free(large)
					a.Free(product)
					y[b] = next
					if cutOff && pass == passes-1 && i == 2 {
						d.Download(got, next)
					}
				}
			}
			y = [2]op.Tensor{}
			a.Branches(op.Branch(1+pass%2), func() { work(0) }, func() { work(1) })
			z = a.Float32(n)
			d.Copy(z, y[0])
			d.AddScaled(z, y[1], 1)
			a.Free(y[0])
			a.Free(y[1])
		})
		if pass == passes-1 {
			d.Download(got, z)
		}
	}
	return got
}

// TestBranches: branches give the bits of the calls one after the other, in a graph and without,
// also where a branch is waited for. The checked driver finds what counts on one order.
func TestBranches(t *testing.T) {
	for name, c := range map[string]struct{ cutOff, libraries bool }{"alone": {}, "one is waited for": {cutOff: true}, "by libraries": {libraries: true}} {
		t.Run(name, func(t *testing.T) {
			open := open
			if c.libraries {
				open = func(t testing.TB) *Device {
					d, _ := openWithLibraries(t.(*testing.T), fp32)
					return d
				}
			}
			t.Setenv("HDMNET_CUDA_BRANCHES", "off")
			want := branchedTrial(t, open(t), false)
			t.Setenv("HDMNET_CUDA_BRANCHES", "")
			d := open(t)
			if got := branchedTrial(t, d, c.cutOff); !slices.Equal(got, want) {
				t.Error("branches give other bits")
			}
			if d.branches.at != 0 || d.stream != d.branches.main {
				t.Error("the branches are not over")
			}
		})
	}
}

// TestBranchesThatPanic: the device works on after a panic in either branch.
func TestBranchesThatPanic(t *testing.T) {
	d := open(t)
	a := op.NewArena(d)
	defer a.Close()
	const n = 500
	x, y, z := a.Float32(n), a.Zeros(n), a.Zeros(n)
	d.Upload(x, slices.Repeat([]float32{1}, n))
	for i := range 8 {
		func() {
			defer func() { _ = recover() }()
			d.CaptureGraph(func() {
				a.Branches(op.SecondBranch, func() {
					d.AddScaled(y, x, 1)
					if i >= 5 {
						panic("stop")
					}
				}, func() {
					d.AddScaled(z, x, 1)
					if i >= 3 {
						panic("stop")
					}
				})
			})
		}()
	}
	got := make([]float32, n)
	if d.Download(got, y); got[n-1] != 8 {
		t.Errorf("the first branch added %g, want 8", got[n-1])
	}
	if d.Download(got, z); got[n-1] != 5 {
		t.Errorf("the second branch added %g, want 5", got[n-1])
	}
}
