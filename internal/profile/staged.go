package profile

import (
	"slices"

	"hdmnet/internal/op"
)

// Staged is a device that notes when each part of the network (op.Stage) is done. Unlike
// Timed it leaves the device its ways to run ahead, so the parts take what they take
// without it.
type Staged struct {
	op.Device
	// NoBundles keeps bundles from the device: every call is work of its own.
	NoBundles bool

	watch op.Stopwatch
	names []string
}

// Stage is what one part of the network took.
type Stage struct {
	Name    string
	Seconds float64 // of all its pieces
}

// NewStaged returns a Staged device over dev. Closing it closes dev.
func NewStaged(dev op.Device) *Staged { return &Staged{Device: dev, watch: stopwatch(dev)} }

// NonStdAlloc tells gorgonia, as the device itself does, that tensors get their memory
// from Alloc.
func (d *Staged) NonStdAlloc() {}

// Stage implements op.Stager: the part before ends here.
func (d *Staged) Stage(name string) {
	d.watch.Mark()
	d.names = append(d.names, name)
}

// Passes ends the last part and returns the parts of every pass since the last call, first
// met first. A pass begins with each return to the part that the first one began with.
func (d *Staged) Passes() [][]Stage {
	d.watch.Mark()
	at := d.watch.Marks()
	var passes [][]Stage
	for i, name := range d.names {
		if i == 0 || name == d.names[0] && d.names[i-1] != name {
			passes = append(passes, nil)
		}
		pass := &passes[len(passes)-1]
		k := slices.IndexFunc(*pass, func(s Stage) bool { return s.Name == name })
		if k < 0 {
			k = len(*pass)
			*pass = append(*pass, Stage{Name: name})
		}
		(*pass)[k].Seconds += at[i+1] - at[i]
	}
	d.names = d.names[:0]
	return passes
}

// PeakMemory is the device's.
func (d *Staged) PeakMemory() int64 { return op.PeakMemory(d.Device) }

// Bundle is the device's, or a call of f.
func (d *Staged) Bundle(f func()) {
	if d.NoBundles {
		f()
		return
	}
	op.Bundle(d.Device, f)
}

// FillingPositions is the device's.
func (d *Staged) FillingPositions() int { return op.FillingPositions(d.Device) }

// Fetch is the device's.
func (d *Staged) Fetch(dst any, src op.Tensor) (wait func()) { return op.Fetch(d.Device, dst, src) }
