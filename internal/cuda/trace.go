//go:build cuda

package cuda

import (
	"encoding/binary"
	"slices"

	"hdmnet/internal/op"
)

// TraceLaunches calls f with every launch, copy and zeroing as it is queued.
func (d *Device) TraceLaunches(f func(op.Launch)) { d.traced = f }

// trace tells of a launch with operands at some addresses; 0 is an operand that is left out.
func (d *Device) trace(kind op.LaunchKind, name string, at ...pointer) {
	if d.traced != nil {
		d.traceLaunch(op.Launch{Kind: kind, Name: name}, at)
	}
}

func (d *Device) traceLaunch(l op.Launch, at []pointer) {
	starts := d.memory.starts()
	for _, p := range at {
		if o, ok := d.memory.operand(starts, uintptr(p)); ok {
			l.Operands = append(l.Operands, o)
		}
	}
	d.traced(l)
}

// traceWhole tells of a copy or zeroing of as many bytes at each address.
func (d *Device) traceWhole(kind op.LaunchKind, name string, bytes int64, at ...pointer) {
	if d.traced == nil {
		return
	}
	l := op.Launch{Kind: kind, Name: name}
	for _, p := range at {
		l.Operands = append(l.Operands, op.Operand{Address: uintptr(p), Allocation: uintptr(p), Bytes: bytes})
	}
	d.traced(l)
}

// traceArguments tells of a kernel by the values of its parameters: the words that are
// addresses in the device's memory are its operands, by themselves or in a struct.
func (d *Device) traceArguments(name string, dims *launchSize, values []byte) {
	if d.traced == nil {
		return
	}
	var at []pointer
	for ; len(values) >= 8; values = values[8:] {
		at = append(at, pointer(binary.LittleEndian.Uint64(values)))
	}
	d.traceLaunch(op.Launch{Kind: op.LaunchKernel, Name: name, Blocks: int(dims[0]) * int(dims[1]) * int(dims[2])}, at)
}

// starts are the addresses of all allocations, in order.
func (m *allocator) starts() []uintptr {
	all := make([]uintptr, 0, len(m.live))
	for at := range m.live {
		all = append(all, at)
	}
	slices.Sort(all)
	return all
}

// operand returns the allocation of an address.
func (m *allocator) operand(starts []uintptr, at uintptr) (o op.Operand, ok bool) {
	i, exact := slices.BinarySearch(starts, at)
	if !exact {
		i--
	}
	if i < 0 || at >= starts[i]+uintptr(m.live[starts[i]]) {
		return o, false
	}
	return op.Operand{Address: at, Allocation: starts[i], Bytes: m.live[starts[i]]}, true
}
