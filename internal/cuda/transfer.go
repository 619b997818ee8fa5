//go:build cuda

package cuda

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"hdmnet/internal/op"
)

// Upload copies src ([]float32, []uint8 or []int32, as long as dst) to the device. src
// may be changed as soon as Upload returns; the copy itself is only queued (staging.go).
func (d *Device) Upload(dst op.Tensor, src any) {
	from, n := hostBytes("Upload", src, dst)
	d.capture.waited = true
	d.startRecorded() // an upload is no part of a graph
	for lo := int64(0); lo < n; lo += stageLimit {
		part := min(stageLimit, n-lo)
		d.upload(address(dst)+cu.DevicePtr(lo), unsafe.Slice((*byte)(from), n)[lo:lo+part])
	}
}

const downloadLimit = 16 << 20 // longer ones are cut, so that little memory needs to be pinned

// Download copies src to dst ([]float32, []uint8 or []int32, as long as src) and waits
// for all work that src depends on.
func (d *Device) Download(dst any, src op.Tensor) {
	to, n := hostBytes("Download", dst, src)
	for lo := int64(0); lo < n; lo += downloadLimit {
		part := min(downloadLimit, n-lo)
		d.fetch(unsafe.Slice((*byte)(to), n)[lo:lo+part], address(src)+cu.DevicePtr(lo))()
	}
}

// Fetch starts to copy src to dst and returns; dst is filled when wait returns. What is
// queued in between goes on.
func (d *Device) Fetch(dst any, src op.Tensor) (wait func()) {
	to, n := hostBytes("Fetch", dst, src)
	return d.fetch(unsafe.Slice((*byte)(to), n), address(src))
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
