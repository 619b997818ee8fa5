package nn

import (
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"hdmnet/internal/cpu"
	"hdmnet/internal/op"
	"hdmnet/internal/weights"
)

type toyNet struct {
	First  *ConvBN        `w:"stem.0+1,frozen"`
	Blocks []*toyBlock    `w:"blocks,group=body"`
	Absent *Linear        `w:"absent"`
	Depth  *DepthwiseConv `w:"depth,group=head"`
	hidden int            //nolint:unused // what NewSet has to pass by
}

type toyBlock struct {
	Fc *Linear `w:"fc"`
}

func newToy() *toyNet {
	same := op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}
	return &toyNet{
		First:  NewConvBN(2, 3, 3, same, true),
		Blocks: []*toyBlock{{NewLinear(3, 3, true)}, {NewLinear(3, 3, false)}},
		Depth:  NewDepthwiseConv(3),
	}
}

func device(t *testing.T) op.Device {
	t.Helper()
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

func TestSetNamesRolesGroups(t *testing.T) {
	s := NewSet(device(t), newToy(), 7)
	var names []string
	for _, x := range s.Tensors() {
		names = append(names, x.Name)
	}
	want := []string{
		"blocks.0.fc.bias", "blocks.0.fc.weight", "blocks.1.fc.weight", "depth.bias", "depth.weight",
		"stem.0.bias", "stem.0.weight", "stem.1.bias", "stem.1.num_batches_tracked", "stem.1.running_mean", "stem.1.running_var", "stem.1.weight",
	}
	if !slices.Equal(names, want) {
		t.Errorf("names %v, want %v", names, want)
	}
	if r := s.Param("stem.0.weight").Role; r != Frozen {
		t.Errorf("stem.0.weight has role %v, want Frozen", r)
	}
	if r := s.Param("stem.1.running_var").Role; r != Buffer {
		t.Errorf("stem.1.running_var has role %v, want Buffer", r)
	}
	if len(s.Groups) != 2 || s.Groups[0].Name != "body" || s.Groups[1].Name != "head" || s.Groups[1].Hi != op.Len(s.Values) {
		t.Errorf("groups %+v of %d values", s.Groups, op.Len(s.Values))
	}
	// Initialization depends on the seed and the name alone.
	if again := NewSet(device(t), newToy(), 7); !slices.Equal(again.Get(again.Param("depth.weight")), s.Get(s.Param("depth.weight"))) {
		t.Error("two sets of one seed differ")
	}
	if other := NewSet(device(t), newToy(), 8); slices.Equal(other.Get(other.Param("depth.weight")), s.Get(s.Param("depth.weight"))) {
		t.Error("two seeds give the same weights")
	}
}

func TestLayoutsRoundTrip(t *testing.T) {
	for _, p := range []*Param{
		{Shape: []int{2, 3, 4, 5}, Layout: Conv}, {Shape: []int{6, 1, 3, 3}, Layout: Depthwise}, {Shape: []int{3, 4}},
	} {
		v := make([]float32, p.Len())
		for i := range v {
			v[i] = float32(i)
		}
		if got := p.FromDevice(p.ToDevice(v)); !slices.Equal(got, v) {
			t.Errorf("%v: round trip gives %v", p.Shape, got)
		}
	}
	conv := &Param{Shape: []int{1, 2, 1, 2}, Layout: Conv}
	if got := conv.ToDevice([]float32{0, 1, 2, 3}); !slices.Equal(got, []float32{0, 2, 1, 3}) {
		t.Errorf("O,I,H,W to O,H,W,I: %v", got)
	}
}

func TestLoadReportsEverythingAtOnce(t *testing.T) {
	s := NewSet(device(t), newToy(), 1)
	before := s.Get(s.Param("blocks.0.fc.bias"))
	path := filepath.Join(t.TempDir(), "w.safetensors")
	tensors := slices.DeleteFunc(s.Tensors(), func(x weights.Tensor) bool { return x.Name == "depth.bias" })
	for i := range tensors {
		switch tensors[i].Name {
		case "blocks.1.fc.weight":
			tensors[i].Shape = []int{9, 1}
		case "blocks.0.fc.bias":
			tensors[i].Float32 = []float32{5, 5, 5}
		}
	}
	tensors = append(tensors, weights.Tensor{Name: "stranger", Shape: []int{1}, Float32: []float32{1}})
	if err := weights.Save(path, tensors, nil); err != nil {
		t.Fatal(err)
	}
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = s.Load(f, LoadOptions{})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"depth.bias", "blocks.1.fc.weight is [9 1], the network wants [3 3]", "stranger"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %q: %v", want, err)
		}
	}
	if after := s.Get(s.Param("blocks.0.fc.bias")); !slices.Equal(before, after) {
		t.Error("a load that failed changed a parameter")
	}
	absent, err := s.Load(f, LoadOptions{
		Only:     func(n string) bool { return n != "blocks.1.fc.weight" },
		Optional: func(n string) bool { return n == "depth.bias" },
		Ignore:   func(n string) bool { return n == "stranger" },
	})
	if err != nil || !slices.Equal(absent, []string{"depth.bias"}) {
		t.Fatalf("absent %v, error %v", absent, err)
	}
	if after := s.Get(s.Param("blocks.0.fc.bias")); !slices.Equal(after, []float32{5, 5, 5}) {
		t.Errorf("loaded %v", after)
	}
}

// counting counts the memory that a device has handed out and not got back.
type counting struct {
	op.Device
	blocks int
}

func (c *counting) Alloc(size int64) (tensor.Memory, error) {
	c.blocks++
	return c.Device.Alloc(size)
}

func (c *counting) Free(m tensor.Memory, size int64) error {
	c.blocks--
	return c.Device.Free(m, size)
}

// counted is a frozen convolution whose end counting notices.
type counted struct {
	op.FrozenConv
	dev *counting
}

func (c *counting) FreezeConv2D(w, bias []float32, shape []int, p op.ConvParams) (op.FrozenConv, error) {
	c.blocks++
	f, err := c.Device.FreezeConv2D(w, bias, shape, p)
	return &counted{f, c}, err
}

func (c *counting) FrozenConv2D(y, x op.Tensor, f op.FrozenConv, residual op.Tensor, activation op.Activation) {
	c.Device.FrozenConv2D(y, x, f.(*counted).FrozenConv, residual, activation)
}

func (c *counted) Close() error {
	c.dev.blocks--
	return c.FrozenConv.Close()
}

// TestFoldFollowsTheWeights: the folded convolution is that of the parameters as they
// are now, survives garbage collection, and its memory goes back with the set's.
func TestFoldFollowsTheWeights(t *testing.T) {
	dev := &counting{Device: device(t)}
	net := newToy()
	set := NewSet(dev, net, 1)
	tape := NewTape(dev)
	run := func(record bool) []float32 {
		tape.Begin(record, 0)
		x := tape.Arena.Float32(1, 3, 3, 2)
		v := make([]float32, 18)
		for i := range v {
			v[i] = float32(i) - 9
		}
		dev.Upload(x, v)
		y := tape.ConvBN(tape.Const(x), net.First, nil, true)
		out := make([]float32, op.Len(y.Value))
		dev.Download(out, y.Value)
		return out
	}
	for _, scale := range []float32{1, 3} {
		set.Put(set.Param("stem.1.weight"), []float32{scale, 0.5, 2})
		set.Put(set.Param("stem.1.running_mean"), []float32{0.1, 0.2, -scale})
		folded := run(false)
		runtime.GC()
		again, plain := run(false), run(true)
		for i := range plain {
			if folded[i] != again[i] || math.Abs(float64(folded[i]-plain[i])) > 1e-4 {
				t.Fatalf("scale %g, element %d: folded %g, after a collection %g, plain %g", scale, i, folded[i], again[i], plain[i])
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
