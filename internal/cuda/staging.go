//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"gorgonia.org/cu"
)

// staging is pinned memory that copies between host and device go through, and a second
// stream that brings uploads to the device while kernels run in the first:
//
//	src → pinned memory       the program, in Upload
//	pinned → device memory    the second stream, at once
//	device memory → dst       the first stream, in its turn: what was queued before may
//	                          still use dst
//
// So the next step's pictures cross the bus while the GPU computes this one. Short uploads
// go straight to dst in the first stream.
type staging struct {
	stream cu.Stream
	large  ring // of stageLimit bytes
	small  ring // of stageSmall bytes

	idle   map[int64][]*pinned // for downloads, by size
	pinned []*pinned           // all there is
}

const (
	stageLimit = 4 << 20 // longer uploads are cut
	stageSmall = 64 << 10
	stageSlots = 24 // of each size at most: 96 MiB on the device
)

// ring is slots that are used in turn; there are as many as uploads were ever under way.
type ring struct {
	bytes int64
	slots []*slot
	next  int
}

// slot is the place of one upload under way.
type slot struct {
	*pinned
	mark   *mark        // of its last upload; then the event tells when pinned is free again
	device cu.DevicePtr // as many bytes; 0: none
	taken  cu.Event     // dst has got them, and device is free again
}

// pinned is memory of the host that the GPU copies from and to by itself.
type pinned struct {
	memory unsafe.Pointer
	bytes  int64
	event  cu.Event // after its last copy
}

func newStaging() staging {
	return staging{large: ring{bytes: stageLimit}, small: ring{bytes: stageSmall}, idle: map[int64][]*pinned{}}
}

// upload copies src, stageLimit bytes at most, to an address.
func (d *Device) upload(to cu.DevicePtr, src []byte) {
	r := &d.staging.small
	if len(src) > stageSmall {
		r = &d.staging.large
	}
	s := d.slot(r)
	copy(unsafe.Slice((*byte)(s.memory), s.bytes), src)
	first := s.mark == nil
	s.mark = newMark(d.queue)
	n, m, at := int64(len(src)), s.mark, *s
	d.submit("upload", func() error {
		if err := d.check(at.send(d, to, n, first), "copy to the device"); err != nil {
			return err
		}
		close(m.reached)
		return nil
	})
}

// slot returns the ring's next slot, whose pinned memory is free: a new one rather than
// one that is under way, while there may be more.
func (d *Device) slot(r *ring) *slot {
	if len(r.slots) > 0 && (len(r.slots) == stageSlots || d.arrived(r.slots[r.next])) {
		s := r.slots[r.next]
		r.next = (r.next + 1) % len(r.slots)
		d.await(s.mark, s.event)
		return s
	}
	s := d.newSlot(r.bytes)
	r.slots = slices.Insert(r.slots, r.next, s)
	r.next = (r.next + 1) % len(r.slots)
	return s
}

// arrived tells whether the slot's last upload is all done.
func (d *Device) arrived(s *slot) bool {
	select {
	case <-s.mark.reached:
	default:
		return false
	}
	last := s.event
	if s.device != 0 {
		last = s.taken
	}
	return d.watch.call(last.Query) == nil
}

// send hands the copies of one upload to the driver; on the queue's thread.
func (s *slot) send(d *Device, to cu.DevicePtr, n int64, first bool) error {
	if s.device == 0 {
		if err := copyToDevice(to, s.memory, n, d.stream); err != nil {
			return err
		}
		return s.event.Record(d.stream)
	}
	second := d.staging.stream
	if !first {
		if err := second.Wait(s.taken, 0); err != nil {
			return err
		}
	}
	for _, step := range []func() error{
		func() error { return copyToDevice(s.device, s.memory, n, second) },
		func() error { return s.event.Record(second) },
		func() error { return d.stream.Wait(s.event, 0) },
		func() error { return cu.MemcpyDtoDAsync(to, s.device, n, d.stream) },
		func() error { return s.taken.Record(d.stream) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// newSlot makes a slot. Where the device has no memory for it, it does without.
func (d *Device) newSlot(size int64) *slot {
	s := &slot{}
	if size > stageSmall {
		at, err := d.alloc(size)
		if err != nil && !errors.Is(err, ErrOutOfMemory) {
			d.fail(err)
		}
		s.device = cu.DevicePtr(at)
	}
	if s.device != 0 {
		d.wait(func() (err error) {
			s.taken, err = cu.MakeEvent(cu.DisableTiming)
			return d.check(err, "make an event")
		})
	}
	s.pinned = d.pin(size)
	return s
}

// landing returns pinned memory for a download of n bytes.
func (d *Device) landing(n int64) *pinned {
	size := int64(stageSmall)
	for size < n {
		size *= 2
	}
	if list := d.staging.idle[size]; len(list) > 0 {
		d.staging.idle[size] = list[:len(list)-1]
		return list[len(list)-1]
	}
	return d.pin(size)
}

func (d *Device) pin(size int64) *pinned {
	p := &pinned{bytes: size}
	d.must(d.watch.call(func() (err error) {
		if p.memory, err = pin(size); lost(err) {
			return d.check(err, "pin memory")
		} else if err != nil {
			return fmt.Errorf("%w; does the system limit locked memory (ulimit -l)?", err)
		}
		p.event, err = cu.MakeEvent(cu.DisableTiming | cu.BlockingSyncEvent)
		return d.check(err, "make an event")
	}))
	d.staging.pinned = append(d.staging.pinned, p)
	return p
}

// free gives everything but device memory back; on the queue's thread, all work done.
func (s *staging) free() error {
	var errs []error
	for _, p := range s.pinned {
		errs = append(errs, unpin(p.memory), driverError(cu.DestroyEvent(&p.event), "destroy an event"))
	}
	for _, t := range s.large.slots {
		if t.device != 0 {
			errs = append(errs, driverError(cu.DestroyEvent(&t.taken), "destroy an event"))
		}
	}
	return errors.Join(errs...)
}
