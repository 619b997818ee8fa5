//go:build cuda

package cuda

import (
	"unsafe"

	"gorgonia.org/cu"

	"hdmnet/internal/op"
)

// Upload copies src ([]float32, []uint8 or []int32, as long as dst) to the device. src
// may be changed as soon as Upload returns; the copy itself is only queued (staging.go).
func (d *Device) Upload(dst op.Tensor, src any) {
	op.CheckUpload(dst, src)
	from := hostBytes(src)
	d.trace(op.LaunchUpload, "upload", address(dst))
	d.capture.waited = true
	d.startRecorded() // an upload is no part of a graph
	for lo := 0; lo < len(from); lo += stageLimit {
		d.upload(address(dst)+cu.DevicePtr(lo), from[lo:min(lo+stageLimit, len(from))])
	}
}

const downloadLimit = 16 << 20 // longer ones are cut, so that little memory needs to be pinned

// Download copies src to dst ([]float32, []uint8 or []int32, as long as src) and waits
// for all work that src depends on.
func (d *Device) Download(dst any, src op.Tensor) {
	op.CheckDownload(dst, src)
	d.trace(op.LaunchDownload, "download", address(src))
	to := hostBytes(dst)
	for lo := 0; lo < len(to); lo += downloadLimit {
		d.fetch(to[lo:min(lo+downloadLimit, len(to))], address(src)+cu.DevicePtr(lo))()
	}
}

// Fetch starts to copy src to dst and returns; dst is filled when wait returns. What is
// queued in between goes on.
func (d *Device) Fetch(dst any, src op.Tensor) (wait func()) {
	op.CheckDownload(dst, src)
	d.trace(op.LaunchDownload, "download", address(src))
	return d.fetch(hostBytes(dst), address(src))
}

func (d *Device) fetch(to []byte, from cu.DevicePtr) (wait func()) {
	d.capture.waited = true
	d.startRecorded() // what is waited for must have been started
	p, m := d.landing(int64(len(to))), newMark(d.queue)
	d.submit("fetch", func() error {
		if err := d.check(copyToHost(p.memory, from, int64(len(to)), d.stream), "copy from the device"); err != nil {
			return err
		}
		if err := d.check(p.event.Record(d.stream), "record an event"); err != nil {
			return err
		}
		close(m.reached)
		return nil
	})
	return func() {
		if p == nil {
			return
		}
		d.await(m, p.event)
		copy(to, unsafe.Slice((*byte)(p.memory), len(to)))
		d.staging.idle[p.bytes] = append(d.staging.idle[p.bytes], p)
		p = nil
	}
}

// await waits for an event that is recorded before the mark. It does not hold up the
// launches queued behind: another thread waits for the GPU.
func (d *Device) await(m *mark, e cu.Event) {
	d.must(m.wait())
	d.must(d.watch.call(func() error { return d.check(e.Synchronize(), "wait for the GPU") }))
}

// hostBytes returns the memory of a slice that a transfer may have.
func hostBytes(slice any) []byte {
	switch v := slice.(type) {
	case []float32:
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
	case []int32:
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
	}
	return slice.([]uint8)
}
