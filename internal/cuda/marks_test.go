//go:build cuda

package cuda

import (
	"slices"
	"testing"

	"hdmnet/internal/op"
)

// TestMarks: the time between two marks is that of the work between them, within a graph
// and outside, and graphs with marks are as good as without.
func TestMarks(t *testing.T) {
	d := open(t)
	if m := d.Marks(); len(m) != 0 {
		t.Errorf("marks at the beginning: %v", m)
	}
	a := op.NewArena(d)
	defer a.Close()
	x, y, w := a.Zeros(64, 64), a.Zeros(64, 64), a.Zeros(64, 64)
	small := a.Zeros(4)
	for range 8 {
		d.Mark()
		d.CaptureGraph(func() {
			d.Mark()
			for range 8 {
				d.Linear(y, x, w, nil)
			}
			d.Mark()
			d.ReLU(small, small)
			d.Mark()
		})
		d.Mark()
		m := d.Marks()
		if len(m) != 5 || m[0] != 0 || !slices.IsSorted(m) {
			t.Fatalf("marks %v", m)
		}
		if products, relu := m[2]-m[1], m[3]-m[2]; products <= relu {
			t.Errorf("the products took %g s, a ReLU of 4 numbers %g s", products, relu)
		}
	}
	if n := d.Graphs(); !d.capture.off && !d.memory.direct && n != 1 {
		t.Errorf("%d graphs", n)
	}
}
