package profile

import (
	"cmp"
	"slices"

	"hdmnet/internal/op"
	"hdmnet/internal/trace"
)

// Launches is a device that counts what the one that it holds gives to its driver, by the
// part of the network, the operator and the kernel.
type Launches struct {
	trace.Device
	region  string
	entries map[launchKey]*LaunchEntry
	call    trace.Call // under way
}

type launchKey struct {
	region, operator, name string
	kind                   op.LaunchKind
	blocks                 int
}

// LaunchEntry is all launches of one kernel in as many blocks by one operator in one part of the
// network.
type LaunchEntry struct {
	Region   string
	Operator string // the method of op.Device, "" for what no operator asks for
	Kind     op.LaunchKind
	Name     string // of the kernel
	Blocks   int    // of each launch
	Count    int
	Bytes    int64 // of the operands of all launches; see operandBytes
	first    int   // number of the first launch among those of all entries
}

// NewLaunches returns a Launches device over dev, which has to have op.LaunchTracer. Closing
// it closes dev.
func NewLaunches(dev op.Device) *Launches {
	d := &Launches{entries: map[launchKey]*LaunchEntry{}}
	d.Device = trace.Device{Device: dev, Hook: func(c trace.Call) {
		d.call = c
		c.Run(dev, c.Tensors)
		d.call = trace.Call{}
	}}
	dev.Capabilities().Launches.TraceLaunches(d.note)
	return d
}

// Capabilities are those of a traced device, to make additions late and branches, which
// changes what is launched, and to observe regions.
func (d *Launches) Capabilities() op.Capabilities {
	c := d.Device.Capabilities()
	inner := d.Device.Device.Capabilities()
	c.Late, c.Branches, c.HalfMaps = inner.Late, inner.Branches, inner.HalfMaps
	c.Regions = d
	return c
}

// Region implements op.RegionObserver.
func (d *Launches) Region(name string) { d.region = name }

// Reset forgets all launches.
func (d *Launches) Reset() { clear(d.entries) }

// Entries returns the launches since the last Reset, first launched first.
func (d *Launches) Entries() []LaunchEntry {
	out := make([]LaunchEntry, 0, len(d.entries))
	for _, e := range d.entries {
		out = append(out, *e)
	}
	slices.SortFunc(out, func(a, b LaunchEntry) int { return cmp.Compare(a.first, b.first) })
	return out
}

func (d *Launches) note(l op.Launch) {
	k := launchKey{d.region, d.call.Operator, l.Name, l.Kind, l.Blocks}
	e := d.entries[k]
	if e == nil {
		e = &LaunchEntry{Region: k.region, Operator: k.operator, Kind: k.kind, Name: k.name, Blocks: k.blocks, first: len(d.entries)}
		d.entries[k] = e
	}
	e.Count++
	e.Bytes += operandBytes(l, d.call.Tensors)
}

// operandBytes is the memory of a launch's operands, each once, whether it is read, written
// or both. An operand that lies in a tensor of the operator's call is that tensor, any
// other one its allocation: work memory, frozen weights.
func operandBytes(l op.Launch, tensors []op.Tensor) int64 {
	sum := int64(0)
	var counted []uintptr
	for _, o := range l.Operands {
		at, bytes := o.Allocation, o.Bytes
		for _, t := range tensors {
			if t == nil {
				continue
			}
			from, n := t.Uintptr(), int64(op.Len(t))*int64(t.Dtype().Size())
			if o.Address >= from && o.Address < from+uintptr(n) && n < bytes {
				at, bytes = from, n
			}
		}
		if !slices.Contains(counted, at) {
			counted = append(counted, at)
			sum += bytes
		}
	}
	return sum
}
