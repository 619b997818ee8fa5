//go:build cuda

package cuda

import (
	"slices"

	"gorgonia.org/cu"

	"hdmnet/internal/op"
)

// A gradient is cleared and then added to, mostly by the next operator. So a zeroing waits
// until something else is queued. The operator that is to add to all of the tensor takes it
// back (fresh) and writes the values instead: the tensor passes the memory once, not thrice.

// zeroing is memory that was asked to be cleared.
type zeroing struct {
	at    cu.DevicePtr
	bytes int64
}

// Zero clears t.
func (d *Device) Zero(t op.Tensor) {
	d.zeros = append(d.zeros, zeroing{address(t), bytesOf(t)})
}

// fresh tells whether t was cleared just now. Then it holds anything, and the caller, who
// would add to all of it, overwrites it.
func (d *Device) fresh(t op.Tensor) bool { return d.freshAt(address(t), bytesOf(t)) }

func (d *Device) freshAt(at cu.DevicePtr, bytes int64) bool {
	i := slices.Index(d.zeros, zeroing{at, bytes})
	if i < 0 {
		return false
	}
	d.zeros = slices.Delete(d.zeros, i, i+1)
	return true
}

// startZeros queues what is to be cleared, before other work.
func (d *Device) startZeros() {
	if len(d.zeros) == 0 {
		return
	}
	waiting := d.zeros
	d.zeros = nil
	for _, z := range waiting {
		d.zero(z.at, z.bytes)
	}
	d.zeros = waiting[:0]
}

// zero queues a zeroing.
func (d *Device) zero(at cu.DevicePtr, bytes int64) {
	d.traceWhole(op.LaunchZero, "zero", bytes, at)
	d.submit("zero", func() error {
		if bytes%4 == 0 {
			return d.check(cu.MemsetD32Async(at, 0, bytes/4, d.stream), "clear memory")
		}
		return d.check(cu.MemsetD8Async(at, 0, bytes, d.stream), "clear memory")
	})
}
