package op_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"hdmnet/internal/cpu"
	"hdmnet/internal/op"
)

// counting is a device that counts what it has given out.
type counting struct {
	op.Device
	blocks int
	bytes  int64
}

func (d *counting) Alloc(n int64) (tensor.Memory, error) {
	d.blocks++
	d.bytes += n
	return d.Device.Alloc(n)
}

func (d *counting) Free(m tensor.Memory, n int64) error {
	d.blocks--
	d.bytes -= n
	return d.Device.Free(m, n)
}

// TestArena: tensors in use share no memory, passes of one kind take no more after the
// first and find it at the same places, idle parts become one again.
func TestArena(t *testing.T) {
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	d := &counting{Device: dev}
	a := op.NewArena(d)
	pass := func(seed uint64) (at []uintptr, inUse int64) {
		a.Reset()
		r := rand.New(rand.NewPCG(seed, 0))
		type taken struct {
			x   op.Tensor
			tag float32
		}
		var live []taken
		for i := range 2000 {
			if len(live) > 0 && r.IntN(5) < 2 {
				k := r.IntN(len(live))
				x := live[k].x.Float32s()
				if x[0] != live[k].tag || x[len(x)-1] != live[k].tag {
					t.Fatalf("seed %d, request %d: a tensor in use has changed", seed, i)
				}
				inUse -= int64(len(x))
				a.Free(live[k].x)
				live = slices.Delete(live, k, k+1)
				continue
			}
			x := a.Float32(1+r.IntN(40), 1+r.IntN(60))
			for j := range x.Float32s() {
				x.Float32s()[j] = float32(i)
			}
			live = append(live, taken{x, float32(i)})
			at = append(at, x.Uintptr())
			inUse += int64(op.Len(x))
		}
		return at, 4 * inUse
	}
	for seed := range uint64(3) {
		pass(seed)
		held := a.Held()
		again, inUse := pass(seed)
		if a.Held() != held || held != d.bytes {
			t.Errorf("seed %d: holds %d bytes, after the first pass %d, from the device %d", seed, a.Held(), held, d.bytes)
		}
		if third, _ := pass(seed); !slices.Equal(third, again) {
			t.Errorf("seed %d: the same pass at other addresses", seed)
		}
		if peak := a.Peak(); held > peak*3/2 || peak < inUse {
			t.Errorf("seed %d: %d bytes held for %d, at last %d", seed, held, peak, inUse)
		}
	}
	if err := a.Close(); err != nil || d.blocks != 0 || d.bytes != 0 || a.Held() != 0 {
		t.Errorf("closed: %d blocks, %d bytes, %d held, %v", d.blocks, d.bytes, a.Held(), err)
	}
}

// TestArenaUsesPartsAgain: what a large tensor leaves serves small ones, and the other way.
func TestArenaUsesPartsAgain(t *testing.T) {
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	a := op.NewArena(dev)
	a.Free(a.Float32(1 << 12))
	held := a.Held()
	for range 3 {
		var parts []op.Tensor
		for range 4 {
			parts = append(parts, a.Float32(1<<10))
		}
		for _, k := range []int{2, 0, 3, 1} {
			a.Free(parts[k])
		}
		a.Free(a.Float32(1 << 12))
	}
	if a.Held() != held {
		t.Errorf("holds %d bytes, %d would do", a.Held(), held)
	}
	x := a.Float32(3, 5)
	a.Free(x)
	if n := testing.AllocsPerRun(100, func() { a.Free(a.Float32(3, 5)) }); n != 0 {
		t.Errorf("%g allocations to take and free a tensor", n)
	}
}
