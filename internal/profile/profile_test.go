package profile

import (
	"slices"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/op"
)

func open(t *testing.T) *Timed {
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	return New(dev)
}

// TestEntries: calls are told apart by part of the network, operator and shapes, with the
// work of their contract, and with the share of it that masks leave.
func TestEntries(t *testing.T) {
	d := open(t)
	a := op.NewArena(d)
	x, y, w := a.Zeros(2, 5, 7, 3), a.Zeros(2, 5, 7, 4), a.Zeros(4, 3, 3, 3)
	same := op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}
	c, err := d.FreezeConv2D(make([]float32, 4*9*3), nil, []int{4, 3, 3, 3}, same)
	if err != nil {
		t.Fatal(err)
	}
	label := a.Uint8(2, 5, 7)
	index := a.Int32(2)
	mask := a.Zeros(2, 3, 2, 2)
	d.Upload(mask, slices.Concat(make([]float32, 18), []float32{1, 1, 1, 1, 1, 1}))
	d.Reset()
	d.Conv2D(y, x, w, nil, nil, same)
	d.Conv2D(y, x, w, nil, nil, same)
	d.FrozenConv2D(y, x, c, nil, op.ReLUActivation)
	d.Conv2DGradWeight(w, nil, x, y, same)
	d.Linear(y, x, a.Zeros(4, 3), nil)
	d.Argmax(label, y)
	d.Upload(index, []int32{1, 2})
	d.SelfAttention(a.Float32(2, 6, 8), nil, a.Zeros(2, 6, 8), a.Zeros(2, 3, 8), a.Zeros(2, 3, 8), 2)
	d.Region("prior")
	d.PriorSimilarity(a.Float32(2, 5, 7), x, a.Zeros(2, 3, 2, 2, 3), mask)
	d.Gram(a.Float32(2, 3, 3), x)

	type row struct {
		region, operator, shapes string
		calls                    int
		flop, needed, bytes      float64
		m, n, k                  int
	}
	var got []row
	for _, e := range d.Entries() {
		if e.Total() <= 0 {
			t.Errorf("%s: %d calls in %g s", e.Operator, e.Calls(), e.Total())
		}
		if e.Operator != "Zero" {
			got = append(got, row{e.Region, e.Operator, e.Shapes, e.Calls(), e.FLOP, e.Needed, e.Bytes, e.M, e.N, e.K})
		}
	}
	geometry := " kernel 3×3 stride 1 dilation 1"
	want := []row{
		{"", "Conv2D", "2×5×7×4 2×5×7×3 4×3×3×3" + geometry, 2, 2 * 70 * 4 * 27, 2 * 2 * 70 * 4 * 27, 4 * (280 + 210 + 108), 70, 4, 27},
		{"", "FrozenConv2D", "2×5×7×4 2×5×7×3" + geometry, 1, 2 * 70 * 4 * 27, 2 * 70 * 4 * 27, 4 * (280 + 210), 70, 4, 27},
		{"", "Conv2DGradWeight", "4×3×3×3 2×5×7×3 2×5×7×4" + geometry, 1, 2 * 70 * 4 * 27, 2 * 70 * 4 * 27, 4 * (280 + 210 + 108), 4, 27, 70},
		{"", "Linear", "2×5×7×4 2×5×7×3 4×3", 1, 2 * 70 * 4 * 3, 2 * 70 * 4 * 3, 4 * (280 + 210 + 12), 70, 4, 3},
		{"", "Argmax", "2×5×7 2×5×7×4", 1, 0, 0, 70 + 4*280, 0, 0, 0},
		{"", "Upload", "2", 1, 0, 0, 8, 0, 0, 0},
		{"", "SelfAttention", "2×6×8 2×3×8", 1, 4 * 2 * 6 * 3 * 8, 4 * 2 * 6 * 3 * 8, 4 * (96 + 96 + 48 + 48), 0, 0, 0},
		{"prior", "PriorSimilarity", "2×5×7 2×5×7×3 2×3×2×2×3 2×3×2×2", 1, 2 * 2 * 35 * 12 * 3, 2 * 2 * 35 * 3 * 3, 4 * (70 + 210 + 72 + 24), 0, 0, 0},
		{"prior", "Gram", "2×3×3 2×5×7×3", 1, 2 * 2 * 35 * 9, 2 * 2 * 35 * 9, 4 * (18 + 210), 0, 0, 0},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

// TestPasses: the pieces of a part of the network add up, in every pass by itself, and marks
// that a device has of its own are used.
func TestPasses(t *testing.T) {
	dev := &marked{Device: open(t).Device.Device}
	d := NewRegions(dev)
	for _, name := range []string{"upload", "upload", "backbone", "head", "backbone", "upload", "prior"} {
		op.Region(d, name)
		dev.now += float64(len(name))
	}
	want := [][]Region{{{"upload", 12}, {"backbone", 16}, {"head", 4}}, {{"upload", 6}, {"prior", 5}}}
	same := func(a, b []Region) bool { return slices.Equal(a, b) }
	if got := d.Passes(); !slices.EqualFunc(got, want, same) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := d.Passes(); len(got) != 0 {
		t.Errorf("afterwards: %v", got)
	}
	graphs := 0
	inner := capturer{dev, &graphs}
	for _, none := range []bool{false, true} {
		d, calls := NewRegions(inner), 0
		d.NoGraphs = none
		op.CaptureGraph(d, func() { calls++ })
		if calls != 1 || graphs != 1 {
			t.Errorf("%d calls, %d graphs of the device", calls, graphs)
		}
	}
}

type capturer struct {
	op.Device
	count *int
}

func (d capturer) Capabilities() op.Capabilities { return op.Capabilities{Graphs: d} }

func (d capturer) CaptureGraph(f func()) { *d.count++; f() }

// marked is a device with a clock of its own.
type marked struct {
	op.Device
	now   float64
	marks []float64
}

func (d *marked) Capabilities() op.Capabilities { return op.Capabilities{Clock: d} }

func (d *marked) Mark() { d.marks = append(d.marks, d.now) }

func (d *marked) Marks() []float64 {
	m := d.marks
	d.marks = nil
	for i := range m {
		m[i] -= 3 // whatever the first is
	}
	return m
}
