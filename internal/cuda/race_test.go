//go:build cuda

package cuda

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"gorgonia.org/cu"
	"gorgonia.org/tensor"

	"hdmnet/internal/op"
)

// The checked driver reports races, of threads (kernels/emu/selftest/races.cu) and of
// streams. Every case has a right variant, in which there is none: they all run in one
// process, each wrong one in its own.

// raceKernels are run with blocks of 64 threads. Which thread comes second, and so reports,
// is the order's.
var raceKernels = []struct {
	name   string
	blocks int
	want   string // of the report, after "race: "
}{
	{"race_shared", 1, "% of 4 bytes at % of the shared array s % by thread (%,0,0): no __syncthreads lies between"},
	{"race_rewrite", 1, "% of 4 bytes at % of the shared array s % by thread (%,0,0): no __syncthreads lies between"},
	{"race_lanes", 1, "% of 4 bytes at % of the shared array s % by thread (%,0,0): no __syncthreads or __syncwarp lies between"},
	{"race_shuffle", 1, "% of 4 bytes at % of the shared array s % by thread (%,0,0): no __syncthreads or __syncwarp lies between"},
	{"race_halves", 1, "% of 4 bytes at % of the shared array s % by thread (%,0,0): no __syncthreads or __syncwarp lies between"},
	{"race_reset", 1, "% of the shared array s % by % no __syncthreads or __syncwarp lies between"},
	{"race_parts", 1, "write of 2 bytes at % of the shared array s % written by thread (%,0,0): no __syncthreads % lies between"},
	{"race_byte", 1, "% of the shared array s % by thread (%,0,0): no __syncthreads lies between"},
	{"race_copy", 1, "% of 4 bytes at % of the shared array s % by % thread (%,0,0): %"},
	{"race_copy_unwaited", 1, "read of 4 bytes at % of the shared array s % being written by a cp_async of thread (%,0,0): it has not been waited for"},
	{"race_copy_early", 1, "% of 4 bytes at % of the shared array s % by % thread (%,0,0): %"},
	{"race_matrix", 1, "% of 16 bytes at % of the shared array s % by % no __syncthreads lies between"},
	{"race_memory", 1, "% of 4 bytes at % the allocation number % by thread (%,0,0): no __syncthreads lies between"},
	{"race_blocks", 2, "write of 4 bytes at % the allocation number % written by block (%,0,0), thread (%,0,0) of this launch: blocks have no order"},
	{"race_neighbor", 2, "the allocation number % by block (%,0,0), thread (%,0,0) of this launch: blocks have no order"},
	{"race_readers", 2, "the allocation number % of this launch: blocks have no order"},
	{"race_atomic", 1, "the allocation number % by % no __syncthreads"},
}

func runRace(d *Device, kernel string, blocks int, right bool) {
	out := d.scratch(128)
	defer d.freeScratch(out)
	d.zero(out, 512)
	d.launch(kernel, grid1(blocks, 64), out, right)
	d.Synchronize()
}

const raceBytes = 8192

// raceStreams use a second stream; wait orders it with the device's when all is right.
var raceStreams = []struct {
	name string
	run  func(d *Device, at pointer, p *pinned, second cu.Stream, wait func(from, to cu.Stream)) error
	want string
}{
	{"kernel after memset", func(d *Device, at pointer, p *pinned, second cu.Stream, wait func(from, to cu.Stream)) error {
		if err := cu.MemsetD32Async(at, 0, 128, second); err != nil {
			return err
		}
		wait(second, d.stream)
		return runNow(d, "race_blocks", at)
	}, "kernel race_blocks, % race: write of 4 bytes at % written by a memset in stream %: no event and no synchronization orders the two"},
	{"memset after kernel", func(d *Device, at pointer, p *pinned, second cu.Stream, wait func(from, to cu.Stream)) error {
		if err := runNow(d, "race_blocks", at); err != nil {
			return err
		}
		wait(d.stream, second)
		return cu.MemsetD32Async(at, 0, 128, second)
	}, "race: a memset, 512 bytes at % written by kernel race_blocks in stream %: no event and no synchronization orders the two"},
	{"memset after a copy has read", func(d *Device, at pointer, p *pinned, second cu.Stream, wait func(from, to cu.Stream)) error {
		if err := cu.MemcpyDtoDAsync(at+4096, at, 512, d.stream); err != nil {
			return err
		}
		wait(d.stream, second)
		return cu.MemsetD32Async(at, 0, 128, second)
	}, "race: a memset, 512 bytes at % read by a copy on the device in stream %"},
	{"copy after graph", func(d *Device, at pointer, p *pinned, second cu.Stream, wait func(from, to cu.Stream)) error {
		if err := beginCapture(d.stream); err != nil {
			return err
		}
		if err := cu.MemsetD32Async(at, 0, 128, d.stream); err != nil {
			return err
		}
		g, err := endCapture(d.stream)
		if err != nil {
			return err
		}
		defer func() { _ = g.destroy() }()
		exec, err := g.instantiate()
		if err != nil {
			return err
		}
		defer func() { _ = exec.destroy() }()
		if err := exec.launch(d.stream); err != nil {
			return err
		}
		wait(d.stream, second)
		return copyToHost(p.memory, at, 512, second)
	}, "race: a copy to the host, 512 bytes at % written by a memset in stream %"},
	{"branches of a graph", func(d *Device, at pointer, p *pinned, second cu.Stream, wait func(from, to cu.Stream)) error {
		if err := beginCapture(d.stream); err != nil {
			return err
		}
		order := func(from, to cu.Stream) error {
			e, err := cu.MakeEvent(cu.DisableTiming)
			if err == nil {
				err = e.Record(from)
			}
			if err == nil {
				err = to.Wait(e, 0)
			}
			return err
		}
		if err := order(d.stream, second); err != nil { // fork
			return err
		}
		if err := cu.MemsetD32Async(at, 0, 128, d.stream); err != nil {
			return err
		}
		wait(d.stream, second)
		if err := cu.MemsetD32Async(at+4*127, 0, 128, second); err != nil {
			return err
		}
		if err := order(second, d.stream); err != nil { // join
			return err
		}
		g, err := endCapture(d.stream)
		if err != nil {
			return err
		}
		defer func() { _ = g.destroy() }()
		exec, err := g.instantiate()
		if err != nil {
			return err
		}
		defer func() { _ = exec.destroy() }()
		return exec.launch(d.stream)
	}, "race: a memset, 512 bytes at % written by a memset in stream %: no event and no synchronization orders the two"},
	{"host writes what is uploaded", func(d *Device, at pointer, p *pinned, second cu.Stream, wait func(from, to cu.Stream)) error {
		if err := copyToDevice(at, p.memory, 256, second); err != nil {
			return err
		}
		wait(second, cu.NoStream)
		unsafe.Slice((*byte)(p.memory), 256)[7] = 1
		return nil
	}, "race: the host writes byte 7 of 65536 bytes of pinned memory at % which a copy in stream % reads: the host has not waited for it"},
	{"host reads what is downloaded", func(d *Device, at pointer, p *pinned, second cu.Stream, wait func(from, to cu.Stream)) error {
		if err := copyToHost(p.memory, at, raceBytes, second); err != nil {
			return err
		}
		wait(second, cu.NoStream)
		if unsafe.Slice((*byte)(p.memory), raceBytes)[5000] != 0 {
			return fmt.Errorf("the copy has other bytes")
		}
		return nil
	}, "race: the host accesses byte 5000 of 65536 bytes of pinned memory at % which a copy in stream % writes: the host has not waited for it"},
	{"upload of what is downloaded", func(d *Device, at pointer, p *pinned, second cu.Stream, wait func(from, to cu.Stream)) error {
		if err := copyToHost(p.memory, at, 256, d.stream); err != nil {
			return err
		}
		wait(d.stream, second)
		return copyToDevice(at+4096, p.memory, 256, second)
	}, "race: a copy reads 256 bytes of pinned memory at % which another copy in stream % writes: no event and no synchronization"},
}

// raceBranches are two branches of the device.
var raceBranches = []struct {
	name string
	run  func(d *Device, right bool)
	want string
}{
	{"branches that write the same", func(d *Device, right bool) {
		at := d.scratch(256)
		defer d.freeScratch(at)
		d.capture.quiet = quietCalls // a graph at once
		d.CaptureGraph(func() {
			d.Fork(op.SecondBranch)
			d.launch("race_blocks", grid1(2, 64), at, true)
			d.OtherBranch()
			if right {
				at = offset(at, 128)
			}
			d.launch("race_blocks", grid1(2, 64), at, true)
			d.Join()
		})
	}, "kernel race_blocks, % race: write of 4 bytes at % written by kernel race_blocks in stream %: no event and no synchronization orders the two"},
	{"memory of another branch", func(d *Device, right bool) {
		for range 2 { // the second time memory is there
			d.Fork(op.FirstBranch)
			at := d.scratch(128)
			d.launch("race_blocks", grid1(2, 64), at, true)
			d.freeScratch(at)
			if !right {
				d.memory.join() // too early
			}
			d.OtherBranch()
			other := d.scratch(128)
			d.launch("race_blocks", grid1(2, 64), other, true)
			d.freeScratch(other)
			d.Join()
		}
	}, "kernel race_blocks, % race: write of 4 bytes at % written by kernel race_blocks in stream %: no event and no synchronization orders the two"},
	{"table of another branch", func(d *Device, right bool) {
		x, y := d.scratch(4*64), d.scratch(2*256)
		defer d.freeScratch(x)
		defer d.freeScratch(y)
		d.zero(x, 1024)
		resize := func(i int) {
			d.ResizeBilinear(op.FromMemory(d, tensor.Float32, uintptr(offset(y, 256*i)), 1, 16, 16, 1), op.FromMemory(d, tensor.Float32, uintptr(x), 1, 8, 8, 1), true)
		}
		d.Fork(op.FirstBranch)
		resize(0)
		if !right {
			for key, table := range d.axes {
				key.branch = 0
				d.axes[key] = table
			}
		}
		d.OtherBranch()
		resize(1)
		d.Join()
	}, "kernel resize_bilinear, % race: read of 4 bytes at % written by kernel resize_axes in stream %: no event and no synchronization orders the two"},
}

// runNow launches a kernel on the queue's thread, where the others of raceStreams run.
func runNow(d *Device, name string, out pointer) error {
	k := d.kernels[name]
	if err := d.load(k, 0); err != nil {
		return err
	}
	values := make([]byte, 16)
	*(*uint64)(unsafe.Pointer(&values[0])) = uint64(out)
	values[8] = 1 // right
	return d.check(launchKernel(k.fn, &launchSize{2, 1, 1, 64, 1, 1, 0}, d.stream, values, []uint16{0, 8}, name), name)
}

func runStreams(d *Device, i int, right bool) {
	at, p := d.scratch(raceBytes/4), d.pin(stageSmall)
	clear(unsafe.Slice((*byte)(p.memory), p.bytes))
	d.zero(at, raceBytes)
	d.Synchronize()
	d.wait(func() error {
		second, err := cu.MakeStream(cu.NonBlocking)
		if err != nil {
			return err
		}
		err = raceStreams[i].run(d, at, p, second, func(from, to cu.Stream) {
			if !right {
				return
			}
			e, err := cu.MakeEvent(cu.DisableTiming)
			if err == nil {
				err = e.Record(from)
			}
			switch {
			case err != nil:
			case to == cu.NoStream:
				err = e.Synchronize()
			default:
				err = to.Wait(e, 0)
			}
			if err != nil {
				panic(err)
			}
		})
		return d.check(err, raceStreams[i].name)
	})
	d.Synchronize()
}

func init() {
	for _, c := range raceKernels {
		emulatorCases[c.name] = func(t *testing.T, d *Device) { runRace(d, c.name, c.blocks, false) }
	}
	for i, c := range raceStreams {
		emulatorCases[c.name] = func(t *testing.T, d *Device) { runStreams(d, i, false) }
	}
	branches := func(d *Device, i int, right bool) {
		d.memory.direct = false
		raceBranches[i].run(d, right)
		d.Synchronize()
	}
	for i, c := range raceBranches {
		emulatorCases[c.name] = func(t *testing.T, d *Device) { branches(d, i, false) }
	}
	emulatorCases["no race"] = func(t *testing.T, d *Device) {
		for _, c := range raceKernels {
			runRace(d, c.name, c.blocks, true)
		}
		for i := range raceStreams {
			runStreams(d, i, true)
		}
		for i := range raceBranches {
			branches(d, i, true)
		}
		fmt.Println("all is right")
	}
}

func TestEmulatorRaces(t *testing.T) {
	dir := os.Getenv("HDMNET_EMU_SELFTEST")
	if dir == "" {
		t.Skip("HDMNET_EMU_SELFTEST names no directory with the self-test's drivers (make test-cuda)")
	}
	checked := filepath.Join(dir, "libcuda-check.so.1")
	if os.Getenv("HDMNET_CUDA_DRIVER") != checked {
		t.Skip("the run with libcuda-check.so.1 looks for races")
	}
	wants := map[string]string{"no race": "all is right", "race": "race: write of 4 bytes at % byte 0 of the shared array s % written by thread (0,0,0)"}
	for _, c := range raceKernels {
		wants[c.name] = "kernel " + c.name + ", block (%,0,0), thread (%,0,0): race: % " + c.want
	}
	for _, c := range raceStreams {
		wants[c.name] = c.want
	}
	for _, c := range raceBranches {
		wants[c.name] = c.want
	}
	for name, want := range wants {
		t.Run(name, func(t *testing.T) {
			for _, seed := range []string{"0", "5"} {
				if name == "race" && seed != "0" {
					continue // who comes first is the seed's
				}
				out := runEmulatorCase(t, name, checked, "HDMNET_EMU_SEED="+seed)
				at := 0
				for _, part := range strings.Split(want, "%") {
					i := strings.Index(out[at:], strings.TrimSpace(part))
					if i < 0 {
						t.Fatalf("seed %s: the report lacks %q of %q:\n%s", seed, part, want, out)
					}
					at += i
				}
			}
		})
	}
}
