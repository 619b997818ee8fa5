package profile

import (
	"slices"

	"hdmnet/internal/op"
)

// Regions is a device that notes when each part of the network (op.Region) is done. Unlike
// Timed it leaves the device its ways to run ahead, so the parts take what they take
// without it.
type Regions struct {
	op.Device
	// NoGraphs keeps graphs from the device: every call is work of its own.
	NoGraphs bool

	watch op.Stopwatch
	names []string
}

// Region is what one part of the network took.
type Region struct {
	Name    string
	Seconds float64 // of all its pieces
}

// NewRegions returns a Regions device over dev. Closing it closes dev.
func NewRegions(dev op.Device) *Regions { return &Regions{Device: dev, watch: stopwatch(dev)} }

// NonStdAlloc tells gorgonia, as the device itself does, that tensors get their memory
// from Alloc.
func (d *Regions) NonStdAlloc() {}

// Capabilities are the device's, and to observe regions. Branches come one after the other:
// of work side by side no part has a time of its own.
func (d *Regions) Capabilities() op.Capabilities {
	c := d.Device.Capabilities()
	c.Regions, c.Branches = d, nil
	if d.NoGraphs {
		c.Graphs = nil
	}
	return c
}

// Region implements op.RegionObserver: the part before ends here.
func (d *Regions) Region(name string) {
	d.watch.Mark()
	d.names = append(d.names, name)
}

// Passes ends the last part and returns the parts of every pass since the last call, first
// met first. A pass begins with each return to the part that the first one began with.
func (d *Regions) Passes() [][]Region {
	d.watch.Mark()
	at := d.watch.Marks()
	var passes [][]Region
	for i, name := range d.names {
		if i == 0 || name == d.names[0] && d.names[i-1] != name {
			passes = append(passes, nil)
		}
		pass := &passes[len(passes)-1]
		k := slices.IndexFunc(*pass, func(s Region) bool { return s.Name == name })
		if k < 0 {
			k = len(*pass)
			*pass = append(*pass, Region{Name: name})
		}
		(*pass)[k].Seconds += at[i+1] - at[i]
	}
	d.names = d.names[:0]
	return passes
}
