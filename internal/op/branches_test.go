package op_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/op"
)

// branching is a device that notes its branches.
type branching struct {
	op.Device
	calls []string
}

func (d *branching) Capabilities() op.Capabilities { return op.Capabilities{Branches: d} }
func (d *branching) Fork(urgent op.Branch)         { d.calls = append(d.calls, fmt.Sprint("fork ", urgent)) }
func (d *branching) OtherBranch()                  { d.calls = append(d.calls, "other") }
func (d *branching) Join()                         { d.calls = append(d.calls, "join") }

// TestArenaBranches: a branch gets what was idle before the fork and what it gave back itself,
// never what the other one gave back; after the join everything is idle for all, as one piece.
func TestArenaBranches(t *testing.T) {
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	d := &branching{Device: dev}
	a := op.NewArena(d)
	const n = 1 << 12
	whole := a.Float32(16 * n)
	a.Free(whole)
	held := a.Held()
	var used [2][]uintptr
	work := func(i int) {
		for range 3 {
			x, y := a.Float32(n), a.Float32(2*n)
			used[i] = append(used[i], x.Uintptr(), y.Uintptr())
			a.Free(x)
			a.Free(y)
		}
		z := a.Float32(3 * n) // x and y, which are neighbors
		used[i] = append(used[i], z.Uintptr())
		a.Free(z)
	}
	a.Branches(op.SecondBranch, func() { work(0) }, func() {
		a.Branches(op.FirstBranch, func() { work(1) }, func() { work(1) }) // just calls
	})
	for _, at := range used[0] {
		if slices.Contains(used[1], at) {
			t.Errorf("both branches had the memory at %#x", at)
		}
	}
	for i, u := range used {
		if distinct := slices.Compact(slices.Sorted(slices.Values(u))); len(distinct) != 2 {
			t.Errorf("branch %d used %d places, want 2: its own again", i+1, len(distinct))
		}
	}
	if again := a.Float32(16 * n); again.Uintptr() != whole.Uintptr() || a.Held() != held {
		t.Errorf("after the join the arena holds %d bytes, %d before; one piece: %v", a.Held(), held, again.Uintptr() == whole.Uintptr())
	}
	func() {
		defer func() { _ = recover() }()
		a.Branches(op.FirstBranch, func() { panic("stop") }, func() {})
	}()
	if got, want := strings.Join(d.calls, ", "), "fork 2, other, join, fork 1, join"; got != want {
		t.Errorf("the device was told %q, want %q", got, want)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
