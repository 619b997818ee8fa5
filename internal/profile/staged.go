package profile

import "hdmnet/internal/op"

// Staged is a device that notes when each part of the network (op.Stage) is done. Unlike
// Timed it leaves the device all its ways to run ahead, so the parts take what they take
// without it.
type Staged struct {
	op.Device
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

// Stages ends the last part and returns all since the last call, first met first.
func (d *Staged) Stages() []Stage {
	d.watch.Mark()
	at := d.watch.Marks()
	var stages []Stage
	index := map[string]int{}
	for i, name := range d.names {
		k, ok := index[name]
		if !ok {
			k = len(stages)
			index[name] = k
			stages = append(stages, Stage{Name: name})
		}
		stages[k].Seconds += at[i+1] - at[i]
	}
	d.names = d.names[:0]
	return stages
}

// PeakMemory is the device's.
func (d *Staged) PeakMemory() int64 { return op.PeakMemory(d.Device) }

// Bundle is the device's.
func (d *Staged) Bundle(f func()) { op.Bundle(d.Device, f) }

// Fetch is the device's.
func (d *Staged) Fetch(dst any, src op.Tensor) (wait func()) { return op.Fetch(d.Device, dst, src) }
