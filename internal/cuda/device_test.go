//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"hdmnet/internal/op"
)

func TestTransfers(t *testing.T) {
	d := open(t)
	a := op.NewArena(d)
	defer a.Close()
	for _, n := range []int{1, 3, 1000, stageLimit/4 + 5} {
		f, u, k := make([]float32, n), make([]uint8, n), make([]int32, n)
		for i := range n {
			f[i], u[i], k[i] = float32(i)+0.5, uint8(i*7), int32(i*3-n)
		}
		tf, tu, tk := a.Float32(n), a.Uint8(n), a.Int32(n)
		d.Upload(tf, f)
		d.Upload(tu, u)
		d.Upload(tk, k)
		cf, cu := a.Float32(n), a.Uint8(n)
		d.Copy(cf, tf)
		d.Copy(cu, tu)
		gf, gu, gk := make([]float32, n), make([]uint8, n), make([]int32, n)
		d.Download(gf, cf)
		d.Download(gu, cu)
		d.Download(gk, tk)
		if !slices.Equal(f, gf) || !slices.Equal(u, gu) || !slices.Equal(k, gk) {
			t.Errorf("%d elements do not come back as they went", n)
		}
		d.Zero(cf)
		d.Zero(cu)
		d.Download(gf, cf)
		d.Download(gu, cu)
		if slices.Max(gf) != 0 || slices.Max(gu) != 0 {
			t.Errorf("%d elements are not zero after Zero", n)
		}
	}
}

// TestUploadMayChangeSource: what Upload was given may change as soon as it returns.
func TestUploadMayChangeSource(t *testing.T) {
	d := open(t)
	a := op.NewArena(d)
	defer a.Close()
	const times, n = 40, 5000
	src, sum, x := make([]float32, n), a.Zeros(n), a.Float32(n)
	for i := range times {
		for j := range src {
			src[j] = float32(i + j)
		}
		d.Upload(x, src)
		d.AddScaled(sum, x, 1)
	}
	got := make([]float32, n)
	d.Download(got, sum)
	for j, v := range got {
		if want := float32(times*(times-1)/2 + times*j); v != want {
			t.Fatalf("element %d is %g, want %g", j, v, want)
		}
	}
}

func TestMemory(t *testing.T) {
	d := open(t)
	first, err := d.Alloc(1000)
	if err != nil {
		t.Fatal(err)
	}
	if first.MemSize() != 1000 || first.Uintptr()%256 != 0 {
		t.Errorf("%d bytes at 0x%x, want 1000, aligned to 256", first.MemSize(), first.Uintptr())
	}
	second, err := d.Alloc(5000)
	if err != nil {
		t.Fatal(err)
	}
	peak := d.PeakMemory()
	if peak < 6000 || d.HeldMemory() < peak {
		t.Errorf("peak %d, held %d after two blocks of 6000 bytes", peak, d.HeldMemory())
	}
	for _, m := range []tensor.Memory{first, second} {
		if err := d.Free(m, int64(m.MemSize())); err != nil {
			t.Error(err)
		}
	}
	if err := d.Free(first, 1000); err == nil {
		t.Error("a block was freed twice without an error")
	}
	again, err := d.Alloc(5000)
	if err != nil {
		t.Fatal(err)
	}
	if !d.memory.direct && again.Uintptr() != second.Uintptr() {
		t.Error("a freed block is not used again")
	}
	if d.PeakMemory() != peak {
		t.Errorf("the peak rose from %d to %d by memory that was freed before", peak, d.PeakMemory())
	}
	if _, err := d.Alloc(0); err == nil {
		t.Error("Alloc of 0 bytes is no error")
	}
}

// TestOutOfMemory: idle blocks go back first; then the error names the bytes.
func TestOutOfMemory(t *testing.T) {
	d := open(t)
	total, err := d.gpu.TotalMem()
	if err != nil {
		t.Fatal(err)
	}
	half := total * 6 / 10 / allocationUnit * allocationUnit
	m, err := d.Alloc(half)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Free(m, half); err != nil {
		t.Fatal(err)
	}
	other := half + 1<<20 // does not fit beside the idle block
	m, err = d.Alloc(other)
	if err != nil {
		t.Fatalf("after a block of the same order was freed: %v", err)
	}
	_, err = d.Alloc(half)
	if !errors.Is(err, ErrOutOfMemory) || !strings.Contains(err.Error(), op.FormatBytes(half)+" asked for") {
		t.Errorf("out of memory: %v", err)
	}
	if err := d.Free(m, other); err != nil {
		t.Error(err)
	}
	a := op.NewArena(d)
	defer a.Close()
	d.Zero(a.Float32(10)) // the device still works
	d.Synchronize()
}

// TestMemoryOfOthers: the error of a GPU that others fill says so.
func TestMemoryOfOthers(t *testing.T) {
	if os.Getenv("HDMNET_CUDA_DRIVER") == "" {
		t.Skip("needs the emulated driver (make test-cuda)")
	}
	d := open(t)
	total, err := d.gpu.TotalMem()
	if err != nil {
		t.Fatal(err)
	}
	taken := total / (1 << 20) / 2
	t.Setenv("HDMNET_EMU_TAKEN", fmt.Sprint(taken))
	_, err = d.Alloc(total / 4 * 3)
	if want := op.FormatBytes(taken<<20) + " by other programs (nvidia-smi"; !errors.Is(err, ErrOutOfMemory) || !strings.Contains(err.Error(), want) {
		t.Errorf("want %q in: %v", want, err)
	}
	t.Setenv("HDMNET_EMU_TAKEN", "0")
	_, err = d.Alloc(total * 2)
	if !errors.Is(err, ErrOutOfMemory) || strings.Contains(err.Error(), "other programs") {
		t.Errorf("nothing else uses the GPU: %v", err)
	}
}

func TestLaunchMistakes(t *testing.T) {
	d := open(t)
	a := op.NewArena(d)
	defer a.Close()
	x := a.Zeros(8)
	for what, c := range map[string]struct {
		run  func()
		want string
	}{
		"unknown kernel":      {func() { d.launch("no_such", grid1(1, 32), x) }, "no_such"},
		"too few arguments":   {func() { d.launch("relu", grid1(1, 32), x, x) }, "3 parameters, launched with 2"},
		"wrong size":          {func() { d.launch("relu", grid1(1, 32), x, x, float32(1)) }, "argument 2 is a float32 of 4 bytes, the parameter has 8"},
		"number out of range": {func() { d.launch("layer_norm", grid1(1, 32), x, x, x, x, x, x, float32(0), 1, 1<<40) }, "does not fit 4 bytes"},
		"string":              {func() { d.launch("relu", grid1(1, 32), x, x, "8") }, "string"},
		"block":               {func() { d.launch("relu", grid1(1, 512), x, x, 8) }, "launch bounds are 256"},
		"grid":                {func() { d.launch("relu", grid1(0, 32), x, x, 8) }, "grid"},
		"upload length":       {func() { d.Upload(x, make([]float32, 7)) }, "Upload"},
		"download type":       {func() { d.Download(make([]uint8, 8), x) }, "Download"},
	} {
		func() {
			defer func() {
				if r := fmt.Sprint(recover()); !strings.Contains(r, c.want) {
					t.Errorf("%s: panic %q, want %q in it", what, r, c.want)
				}
			}()
			c.run()
		}()
	}
}

func TestKernelImageThatDoesNotLoad(t *testing.T) {
	d := open(t)
	for image, want := range map[string]string{
		"nonsense": "load x",
		".version 99.0\n.target sm_80\n.address_size 64\n": "load x",
	} {
		err := d.queue.call(func() error { _, err := loadModule(image, "load x"); return err })
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) || e.Code == 0 {
			t.Errorf("%q: %v", image, err)
		}
	}
}

func TestCloseTwice(t *testing.T) {
	d, err := Open(0, op.FP32)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Alloc(100); err != nil { // Close frees what is in use
		t.Fatal(err)
	}
	for range 2 {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestOpenPrecision: a precision that GPUs lack is an error that says which they have.
func TestOpenPrecision(t *testing.T) {
	_, err := Open(0, op.BF16X3)
	if err == nil || !strings.Contains(err.Error(), "GPUs have no bf16x3") || !strings.Contains(err.Error(), "fp32, tf32 or bf16") {
		t.Error(err)
	}
}

// TestOpenErrors opens in child processes: the driver is found when a process starts.
func TestOpenErrors(t *testing.T) {
	if os.Getenv("HDMNET_CUDA_DRIVER") == "" {
		t.Skip("needs the emulated driver (make test-cuda)")
	}
	for _, c := range []struct {
		name string
		env  []string
		want []string
	}{
		{"no driver", []string{"HDMNET_CUDA_DRIVER=/no/such/libcuda.so.1"}, []string{"no NVIDIA driver", "/no/such", "install the driver"}},
		{"no library", []string{"HDMNET_CUDA_DRIVER=/etc/passwd"}, []string{"no NVIDIA driver", "/etc/passwd"}},
		{"old driver", []string{"HDMNET_EMU_DRIVER=11020"}, []string{"CUDA 11.2", "needs 11.4", "470"}},
		{"hidden", []string{"CUDA_VISIBLE_DEVICES="}, []string{`CUDA_VISIBLE_DEVICES="" hides every GPU`, "unset it"}},
		{"old GPU", []string{"HDMNET_EMU_CC=75"}, []string{"compute capability 7.5", "8.0", "cpu"}},
		{"full GPU", []string{"HDMNET_EMU_TAKEN=1000000"}, []string{"make a context", "OUT_OF_MEMORY", "is the GPU full", "nvidia-smi"}},
		{"no kernels", []string{"HDMNET_EMU_REFUSE=load"}, []string{"load the kernels of kernels/", "REFUSE=load", "is it up to date"}},
		{"number", []string{"HDMNET_TEST_DEVICE=3"}, []string{"no GPU number 3", "shows 1"}},
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestOpenChild$")
		cmd.Env = append(append(os.Environ(), "HDMNET_TEST_OPEN=1"), c.env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, out)
		}
		for _, want := range c.want {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s: the message lacks %q:\n%s", c.name, want, out)
			}
		}
	}
}

// TestOpenChild is the child of TestOpenErrors.
func TestOpenChild(t *testing.T) {
	if os.Getenv("HDMNET_TEST_OPEN") == "" {
		t.Skip("only as a child of TestOpenErrors")
	}
	index := 0
	if os.Getenv("HDMNET_TEST_DEVICE") != "" {
		index = 3
	}
	d, err := Open(index, op.FP32)
	fmt.Println("message:", err)
	if err == nil {
		t.Error(d.Close())
	}
}
