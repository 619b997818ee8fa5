//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cuda/autotune"
	"hdmnet/internal/op"
)

// TestTune: choices are measured once, kept in the file, and followed.
func TestTune(t *testing.T) {
	path := filepath.Join(t.TempDir(), "choices.json")
	t.Setenv(tuneVariable, path)
	c := librarySizes[3]
	want := results(openCPU(t), c.run)
	read := func() map[string]int {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all, err := autotune.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	dev, emulated := openWithLibraries(t, fp32)
	for range 2 {
		near(t, "measured", results(dev, c.run), want)
	}
	measured := read()
	if len(measured) != len(dev.libraries.plans) || len(measured) < 3 {
		t.Errorf("%d choices in the file for %d shapes", len(measured), len(dev.libraries.plans))
	}
	for key := range measured {
		if emulated && !strings.HasPrefix(key, "emulated GPU") || !strings.Contains(key, "cuDNN "+dev.Libraries()[convLibrary].Version) || !strings.Contains(key, fmt.Sprintf("%d SMs", dev.sms)) {
			t.Errorf("the key %q does not tell GPU and libraries", key)
		}
	}
	for _, choice := range []int{ownKernels, 0, autotune.MaxChoice} { // the last one is no candidate any more
		f, err := autotune.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for key := range measured {
			if err := f.Put(key, choice); err != nil {
				t.Fatal(err)
			}
		}
		dev := open(t)
		near(t, "chosen by the file", results(dev, c.run), want)
		taken, left := 0, 0
		for _, library := range []int{productLibrary, convLibrary} {
			a, b := dev.computed(library)
			taken, left = taken+a, left+b
		}
		switch choice {
		case ownKernels:
			if taken != 0 || left != len(measured) {
				t.Errorf("own kernels chosen: %d shapes by libraries, %d left", taken, left)
			}
		case 0:
			if left != 0 && emulated {
				t.Errorf("the libraries' first algorithms chosen: %d shapes left", left)
			}
		default:
			if after := read(); !slices.Equal(slices.Sorted(maps.Keys(after)), slices.Sorted(maps.Keys(measured))) || slices.Contains(slices.Collect(maps.Values(after)), choice) {
				t.Errorf("choices that do not exist were not measured again: %v", after)
			}
		}
	}
}

// TestTuneUnsaved: a choice that cannot be saved costs no work; Close tells.
func TestTuneUnsaved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "choices.json")
	t.Setenv(tuneVariable, path)
	t.Setenv(librariesVariable, emulatedLibraries(t))
	dev, err := Open(0, op.FP32)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("spoilt"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := librarySizes[3]
	near(t, "measured", results(dev, c.run), results(openCPU(t), c.run))
	if err := dev.Close(); err == nil || !strings.Contains(err.Error(), tuneVariable) || !strings.Contains(err.Error(), path) {
		t.Errorf("Close answers %v", err)
	}
}

// TestLibraryWithoutScratch: which algorithm computes must not depend on how full the GPU is, so
// that a workspace that does not fit is an error, and the device goes on.
func TestLibraryWithoutScratch(t *testing.T) {
	emulatedLibraries(t)
	c := librarySizes[3]
	dev, _ := openWithLibraries(t, fp32)
	want := results(dev, c.run)
	for _, p := range dev.libraries.plans {
		p.settled, p.chosen = false, nil
		for i := range p.candidates {
			p.candidates[i].workspace <<= 30
		}
	}
	err := failure(func() { results(dev, c.run) })
	if !errors.Is(err, ErrOutOfMemory) || !strings.Contains(err.Error(), "no scratch memory") || !strings.Contains(err.Error(), librariesVariable+"=off") {
		t.Errorf("a workspace that does not fit: %v", err)
	}
	for _, p := range dev.libraries.plans {
		for i := range p.candidates {
			p.candidates[i].workspace >>= 30
		}
	}
	near(t, "with scratch again", results(dev, c.run), want)
}

// failure is the error that f panics with.
func failure(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = r.(*op.DeviceError)
		}
	}()
	f()
	return nil
}

// TestLibraryFails: what goes wrong in a library by chance is an error, and not a reason to
// compute with other kernels, which give other bits. The next attempt has the library again.
func TestLibraryFails(t *testing.T) {
	emulatedLibraries(t)
	for _, timed := range []bool{false, true} {
		for word, c := range map[string]struct {
			size twinConv
			want string
		}{
			"choose":    {librarySizes[0], "choose an algorithm: cuBLASLt: emulated error (14)"},
			"multiply":  {librarySizes[0], "cuBLASLt: emulated error (14)"},
			"workspace": {librarySizes[3], "ask for the workspace: cuDNN: CUDNN_STATUS_INTERNAL_ERROR (4000)"},
			"convolve":  {librarySizes[3], "cuDNN: CUDNN_STATUS_INTERNAL_ERROR (4000)"},
		} {
			t.Setenv("HDMNET_EMU_FAIL", word)
			t.Setenv(tuneVariable, "")
			if timed {
				t.Setenv(tuneVariable, filepath.Join(t.TempDir(), "choices.json"))
			}
			dev, _ := openWithLibraries(t, fp32)
			err := failure(func() { results(dev, c.size.run) })
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), librariesVariable+"=off") {
				t.Errorf("%s: %v", word, err)
			}
			t.Setenv("HDMNET_EMU_FAIL", "")
			near(t, word, results(dev, c.size.run), results(openCPU(t), c.size.run))
			for _, l := range dev.Libraries() {
				if len(l.Left) > 0 && !timed {
					t.Errorf("%s: left to the kernels here: %q", word, l.Left)
				}
			}
		}
	}
}

// TestLibraryGraph: calls of libraries within a graph.
func TestLibraryGraph(t *testing.T) {
	t.Setenv("HDMNET_CUDA_CACHE", "")
	c := librarySizes[3]
	f := func(d op.Device, o *operands) []op.Tensor {
		x, w, y, sum := o.floats(1, 6, 5, 8), o.floats(8, 3, 3, 8), o.floats(1, 6, 5, 8), o.floats(8, 3, 3, 8)
		step := func() {
			d.Conv2D(y, x, w, nil, nil, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1})
			d.Conv2DGradWeight(sum, nil, x, y, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1})
			d.Linear(op.Span(y, 0, 30, 8), op.Span(x, 0, 30, 8), op.Span(w, 0, 8, 8), nil)
		}
		for range 6 {
			if dev, ok := d.(*Device); ok {
				dev.CaptureGraph(step)
			} else {
				step()
			}
		}
		return []op.Tensor{y, sum}
	}
	dev, _ := openWithLibraries(t, fp32)
	near(t, c.name(), results(dev, f), results(openCPU(t), f))
	if dev.capture.made == 0 {
		t.Error("no graph was made")
	}
}

// misuses are calls that NVIDIA's documentation forbids, and what the emulated libraries say.
var misuses = map[string]struct {
	vendor int
	change func(at *[5]pointer, workspace *pointer)
	want   string
}{
	"A and D are one":  {productLibrary, func(at *[5]pointer, _ *pointer) { at[3] = at[0] }, "D overlaps A or B"},
	"alignment":        {productLibrary, func(at *[5]pointer, _ *pointer) { at[1] += 4 }, "B is aligned to 4 bytes, the algorithm was chosen for"},
	"workspace at 16":  {productLibrary, func(_ *[5]pointer, w *pointer) { *w += 16 }, "at a multiple of 256"},
	"no workspace":     {productLibrary, func(_ *[5]pointer, w *pointer) { *w = 0 }, "a workspace of"},
	"foreign operand":  {productLibrary, func(at *[5]pointer, _ *pointer) { at[0] += 1 << 30 }, "cublasLtMatmul's A"},
	"no bias":          {convLibrary, func(at *[5]pointer, _ *pointer) { at[4] = 0 }, "bias at"},
	"x at 4":           {convLibrary, func(at *[5]pointer, _ *pointer) { at[0] += 4 }, "not a multiple of 16"},
	"y is x":           {convLibrary, func(at *[5]pointer, _ *pointer) { at[2] = at[0] }, "overlap"},
	"residual is x":    {convLibrary, func(at *[5]pointer, _ *pointer) { at[3] = at[0] }, "z overlaps x"},
	"no conv scratch":  {convLibrary, func(_ *[5]pointer, w *pointer) { *w = 0 }, "a workspace of"},
	"leaks a plan":     {convLibrary, nil, "cudnnDestroy: leak: 3 descriptors of tensors"},
	"leaks a product":  {productLibrary, nil, "cublasLtDestroy: leak: 1 operations, 3 layouts, 0 preferences"},
	"short allocation": {convLibrary, func(at *[5]pointer, _ *pointer) { at[3] += 4 * shortBy }, "cudnnConvolutionBiasActivationForward's z of "},
}

const (
	misusedFloats = 1 << 15
	shortBy       = misusedFloats - 64
)

// TestLibraryMisuse: misuse of an emulated library is a fault that no caller can overlook.
// Each in a process of its own: the fault stays.
func TestLibraryMisuse(t *testing.T) {
	t.Setenv(librariesVariable, emulatedLibraries(t))
	for name, c := range misuses {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestLibraryMisuseChild$", "-test.v")
			cmd.Env = append(os.Environ(), "HDMNET_TEST_MISUSE="+name)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.want) {
				t.Errorf("%v, or the report lacks %q:\n%s", err, c.want, out)
			}
		})
	}
}

// TestLibraryMisuseChild is the child of TestLibraryMisuse.
func TestLibraryMisuseChild(t *testing.T) {
	c, ok := misuses[os.Getenv("HDMNET_TEST_MISUSE")]
	if !ok {
		t.Skip("only as a child of TestLibraryMisuse")
	}
	dev, err := Open(0, op.FP32)
	if err != nil {
		t.Fatal(err)
	}
	size := librarySizes[3]
	if c.vendor == productLibrary {
		size = librarySizes[0]
	}
	results(dev, size.run)
	var p *plan
	for _, q := range dev.libraries.plans {
		if q.vendor == c.vendor && q.chosen != nil && q.chosen.workspace > 0 && !q.chosen.partial && strings.Contains(q.name, "relu") {
			p = q
		}
	}
	if p == nil {
		t.Fatal("no plan to misuse")
	}
	if c.change == nil {
		p.free = func() {}
	} else {
		arena := op.NewArena(dev)
		var at [5]pointer
		for i := range at {
			at[i] = address(arena.Zeros(misusedFloats))
		}
		workspace, err := dev.workspace(p.chosen)
		if err != nil {
			t.Fatal(err)
		}
		c.change(&at, &workspace)
		t.Log(dev.call(func() error { return p.chosen.run(at, workspace) }))
	}
	if err := dev.Close(); err == nil {
		t.Error("the misuse had no consequence")
	} else {
		t.Log(err)
	}
}
