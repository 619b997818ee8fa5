//go:build cuda

package cuda

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"hdmnet/internal/op"
)

// stages are blocks of pinned memory that copies between host and device go through. The
// host fills one while the GPU reads the others.
type stages struct {
	blocks [8]stage
	next   int
}

type stage struct {
	memory unsafe.Pointer
	bytes  int64
	event  cu.Event // the last copy that used it
	made   bool
	used   bool
}

const stageLimit = 16 << 20 // longer copies are cut

// Upload copies src ([]float32, []uint8 or []int32, as long as dst) to the device. src
// may be changed as soon as Upload returns; the copy itself is only queued.
func (d *Device) Upload(dst op.Tensor, src any) {
	from, n := hostBytes("Upload", src, dst)
	to := address(dst)
	for lo := int64(0); lo < n; lo += stageLimit {
		part := min(stageLimit, n-lo)
		s := d.stage(part)
		copy(unsafe.Slice((*byte)(s.memory), part), unsafe.Slice((*byte)(from), n)[lo:lo+part])
		at := to + cu.DevicePtr(lo)
		d.submit("upload", func() error {
			if err := d.check(copyToDevice(at, s.memory, part, d.stream), "copy to the device"); err != nil {
				return err
			}
			return d.check(s.event.Record(d.stream), "record an event")
		})
	}
}

// Download copies src to dst ([]float32, []uint8 or []int32, as long as src) and waits
// for all work that src depends on.
func (d *Device) Download(dst any, src op.Tensor) {
	to, n := hostBytes("Download", dst, src)
	from := address(src)
	for lo := int64(0); lo < n; lo += stageLimit {
		part := min(stageLimit, n-lo)
		s := d.stage(part)
		at := from + cu.DevicePtr(lo)
		d.wait(func() error {
			if err := d.check(copyToHost(s.memory, at, part, d.stream), "copy from the device"); err != nil {
				return err
			}
			return d.check(d.stream.Synchronize(), "wait for the GPU")
		})
		copy(unsafe.Slice((*byte)(to), n)[lo:lo+part], unsafe.Slice((*byte)(s.memory), part))
	}
}

// hostBytes returns the memory of a Go slice that has the type and length of t.
func hostBytes(operator string, host any, t op.Tensor) (unsafe.Pointer, int64) {
	var p unsafe.Pointer
	n, ok := 0, false
	switch v := host.(type) {
	case []float32:
		p, n, ok = unsafe.Pointer(unsafe.SliceData(v)), len(v), t.Dtype().Name() == "float32"
	case []uint8:
		p, n, ok = unsafe.Pointer(unsafe.SliceData(v)), len(v), t.Dtype().Name() == "uint8"
	case []int32:
		p, n, ok = unsafe.Pointer(unsafe.SliceData(v)), len(v), t.Dtype().Name() == "int32"
	}
	if !ok || n != op.Len(t) {
		panic(fmt.Sprintf("cuda: %s: %T of %d elements and a tensor %v of %v", operator, host, n, t.Shape(), t.Dtype()))
	}
	return p, bytesOf(t)
}

// stage returns pinned memory of at least n bytes that no copy uses any more.
func (d *Device) stage(n int64) *stage {
	s := &d.stages.blocks[d.stages.next]
	d.stages.next = (d.stages.next + 1) % len(d.stages.blocks)
	if s.made && !s.used && s.bytes >= n {
		s.used = true
		return s
	}
	d.wait(func() error {
		if s.used {
			if err := d.check(s.event.Synchronize(), "wait for an upload"); err != nil {
				return err
			}
		}
		return d.check(s.grow(n), "get pinned memory")
	})
	s.used = true
	return s
}

// grow makes room for n bytes; on the queue's thread.
func (s *stage) grow(n int64) error {
	if !s.made {
		e, err := cu.MakeEvent(cu.DisableTiming)
		if err != nil {
			return driverError(err, "make an event")
		}
		s.event, s.made = e, true
	}
	if s.bytes >= n {
		return nil
	}
	bytes := int64(64 << 10)
	for bytes < n {
		bytes *= 2
	}
	if s.memory != nil {
		if err := unpin(s.memory); err != nil {
			return err
		}
		s.memory, s.bytes = nil, 0
	}
	p, err := pin(bytes)
	if err != nil {
		return err
	}
	s.memory, s.bytes = p, bytes
	return nil
}

// free gives the memory back; on the queue's thread.
func (s *stages) free() error {
	for i := range s.blocks {
		b := &s.blocks[i]
		if b.memory != nil {
			if err := unpin(b.memory); err != nil {
				return err
			}
		}
		if b.made {
			if err := driverError(cu.DestroyEvent(&b.event), "destroy an event"); err != nil {
				return err
			}
		}
		*b = stage{}
	}
	return nil
}
