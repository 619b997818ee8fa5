//go:build cuda

package cuda

import (
	"testing"

	"hdmnet/internal/op"
)

// TestTraceLaunches: what is queued is told, with the allocations of its operands, also of
// those within a struct; after the end nothing is.
func TestTraceLaunches(t *testing.T) {
	d := open(t)
	a := op.NewArena(d)
	defer a.Close()
	x, y, w := a.Float32(128, 64), a.Float32(128, 64), a.Float32(64, 64)
	var got []op.Launch
	d.TraceLaunches(func(l op.Launch) { got = append(got, l) })
	d.Zero(x)
	d.Zero(w)
	d.Linear(y, x, w, nil)
	d.Copy(x, y)
	d.Upload(x, make([]float32, op.Len(x)))
	d.Download(make([]float32, op.Len(x)), x)
	d.TraceLaunches(nil)
	d.Zero(x)
	at := func(ts ...op.Tensor) (all []uintptr) {
		for _, t := range ts {
			all = append(all, t.Uintptr())
		}
		return all
	}
	for i, want := range []struct {
		kind op.LaunchKind
		at   []uintptr
	}{{op.LaunchZero, at(x)}, {op.LaunchZero, at(w)}, {op.LaunchKernel, at(y, x, w)}, {op.LaunchCopy, at(x, y)},
		{op.LaunchUpload, at(x)}, {op.LaunchDownload, at(x)}} {
		if i >= len(got) {
			t.Fatalf("%d launches: %+v", len(got), got)
		}
		l := got[i]
		if want.kind == op.LaunchKernel && d.libraries.blas != nil {
			continue // the operands lie in the library's order, and its workspace after them
		}
		if (l.Blocks > 0) != (want.kind == op.LaunchKernel) || l.Blocks > 0 && l.Blocks != 2 { // tiles of 64×64
			t.Errorf("launch %d has %d blocks", i, l.Blocks)
		}
		if l.Kind != want.kind || len(l.Operands) != len(want.at) {
			t.Fatalf("launch %d: %+v, want %+v", i, l, want)
		}
		for k, o := range l.Operands {
			if o.Address != want.at[k] || o.Address < o.Allocation || o.Address >= o.Allocation+uintptr(o.Bytes) {
				t.Errorf("launch %d, operand %d: %+v, want address %x", i, k, o, want.at[k])
			}
		}
	}
	if len(got) != 6 {
		t.Errorf("%d launches, want 6", len(got))
	}
}
