//go:build cuda

package cuda

import (
	"errors"

	"gorgonia.org/cu"
)

// marks are events that note when the stream came to them. The same ones are used in the
// same order again and again, so that a graph which holds some is the same in every step.
type marks struct {
	events []cu.Event // all there are
	used   int        // since the last Marks
}

// Mark notes the moment at which all work so far is done.
func (d *Device) Mark() {
	m := &d.marks
	if m.used == len(m.events) {
		var e cu.Event
		d.must(d.watch.call(func() (err error) {
			e, err = newTimer()
			return d.check(err, "make an event")
		}))
		m.events = append(m.events, e)
	}
	e := m.events[m.used]
	m.used++
	d.submit("mark", func() error { return d.check(recordTime(e, d.stream), "record an event") })
}

// Marks waits for all marks since its last call, forgets them, and returns the seconds from
// the first one to each.
func (d *Device) Marks() []float64 {
	used := d.marks.events[:d.marks.used]
	d.marks.used = 0
	seconds := make([]float64, len(used))
	if len(used) == 0 {
		return seconds
	}
	d.wait(func() error {
		if err := used[len(used)-1].Synchronize(); err != nil {
			return d.check(err, "wait for the GPU")
		}
		for i, e := range used {
			ms, err := used[0].Elapsed(e)
			if err != nil {
				return d.check(err, "ask for the time between two events")
			}
			seconds[i] = ms / 1000
		}
		return nil
	})
	return seconds
}

// free gives the events back; on the queue's thread.
func (m *marks) free() error {
	var errs []error
	for _, e := range m.events {
		errs = append(errs, driverError(cu.DestroyEvent(&e), "destroy an event"))
	}
	m.events = nil
	return errors.Join(errs...)
}
