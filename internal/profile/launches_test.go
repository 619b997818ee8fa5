package profile

import (
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/op"
)

// launcher is a device that tells of two launches for every ReLU, the second with a block for each element.
type launcher struct {
	op.Device
	tell func(op.Launch)
}

func (d *launcher) Capabilities() op.Capabilities      { return op.Capabilities{Launches: d} }
func (d *launcher) TraceLaunches(tell func(op.Launch)) { d.tell = tell }

func (d *launcher) ReLU(y, x op.Tensor) {
	const work, workBytes = 1 << 50, 512 // an allocation of the operator's own
	slab := func(t op.Tensor) op.Operand {
		return op.Operand{Address: t.Uintptr(), Allocation: 1 << 20, Bytes: 1 << 40}
	}
	scratch := func(at uintptr) op.Operand { return op.Operand{Address: work + at, Allocation: work, Bytes: workBytes} }
	d.tell(op.Launch{Name: "first", Operands: []op.Operand{scratch(0), slab(x), scratch(64)}})
	d.tell(op.Launch{Name: "second", Blocks: op.Len(x), Operands: []op.Operand{slab(y), slab(y), scratch(0)}})
}

// TestLaunches: launches are counted where they come from, and an operand is the tensor of
// the call that it lies in, or else its allocation, once.
func TestLaunches(t *testing.T) {
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	inner := &launcher{Device: dev}
	d := NewLaunches(inner)
	a := op.NewArena(dev)
	x, y := a.Float32(10), a.Float32(10)
	op.Region(d, "backbone")
	d.ReLU(y, x)
	op.Region(d, "head")
	d.ReLU(y, x)
	z := op.Span(x, 0, 9)
	d.ReLU(y, z)
	got := d.Entries()
	want := []LaunchEntry{
		{Region: "backbone", Operator: "ReLU", Name: "first", Count: 1, Bytes: 552},
		{Region: "backbone", Operator: "ReLU", Name: "second", Blocks: 10, Count: 1, Bytes: 552, first: 1},
		{Region: "head", Operator: "ReLU", Name: "first", Count: 2, Bytes: 1100, first: 2},
		{Region: "head", Operator: "ReLU", Name: "second", Blocks: 10, Count: 1, Bytes: 552, first: 3},
		{Region: "head", Operator: "ReLU", Name: "second", Blocks: 9, Count: 1, Bytes: 552, first: 4},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
	d.Reset()
	if got := d.Entries(); len(got) != 0 {
		t.Errorf("after Reset: %+v", got)
	}
}
