//go:build cuda

package cuda

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gorgonia.org/cu"

	"hdmnet/internal/op"
	"hdmnet/kernels"
)

// The emulated driver reports what would be hard to find on a GPU. Every case runs in a
// process of its own, with the driver of the self-test (kernels/emu/selftest): a process
// opens one driver, and a fault ends its context.

// selftestPTX declares the self-test's kernels, as far as the emulator reads PTX.
var selftestPTX = func() string {
	text := ".version 7.0\n.target sm_80\n.address_size 64\n"
	type declared struct {
		name   string
		params string
	}
	all := []declared{
		{"divergent_barrier", "u64"}, {"early_return", "u64"}, {"write_past", "u64 u32"}, {"read_undefined", "u64 u64"},
		{"read_shared_undefined", "u64"}, {"shared_past", "u64"}, {"misaligned", "u64"}, {"half_warp_shuffle", "u64"},
		{"missing_wait", "u64 u64"}, {"race", "u64"}, {"functions", "u64 u64 u64"}, {"shuffles", "u64"},
		{"products", "u64 u64 u64 u64"}, {"switches", "u64 u32"}, {"never_compiled", "u64"},
	}
	for _, k := range raceKernels {
		all = append(all, declared{k.name, "u64 u32"})
	}
	for _, k := range all {
		var params []string
		for i, p := range strings.Fields(k.params) {
			params = append(params, fmt.Sprintf("\t.param .%s %s_param_%d", p, k.name, i))
		}
		text += fmt.Sprintf(".visible .entry %s(\n%s\n)\n.maxntid 256, 1, 1\n{\n}\n", k.name, strings.Join(params, ",\n"))
	}
	return text
}()

// useSelftest gives the device the self-test's kernels.
func useSelftest(t testing.TB, d *Device) {
	t.Helper()
	for _, k := range kernels.Parse("selftest", selftestPTX) {
		d.kernels[k.Name] = &kernel{Kernel: k}
	}
	d.wait(func() error {
		m, err := loadModule(selftestPTX, "load the self-test")
		d.modules["selftest"] = m
		return err
	})
}

// emulatorCases run in the child process; what they panic with, or print, is compared.
var emulatorCases = map[string]func(t *testing.T, d *Device){
	"divergent barrier": func(t *testing.T, d *Device) { runFault(d, "divergent_barrier", 64, 64) },
	"early return":      func(t *testing.T, d *Device) { runFault(d, "early_return", 64, 64) },
	"write past":        func(t *testing.T, d *Device) { runFault(d, "write_past", 32, 100, 100) },
	"write far past":    func(t *testing.T, d *Device) { runFault(d, "write_past", 32, 100, 1200) },
	"misaligned":        func(t *testing.T, d *Device) { runFault(d, "misaligned", 1, 64) },
	"half warp":         func(t *testing.T, d *Device) { runFault(d, "half_warp_shuffle", 32, 64) },
	"shared undefined":  func(t *testing.T, d *Device) { runFault(d, "read_shared_undefined", 64, 64) },
	"shared past":       func(t *testing.T, d *Device) { runFault(d, "shared_past", 64, 64) },
	"read undefined": func(t *testing.T, d *Device) {
		in := d.scratch(64)
		runFault(d, "read_undefined", 64, 64, in)
	},
	"read freed": func(t *testing.T, d *Device) {
		in := d.scratch(64)
		d.zero(in, 256)
		d.freeScratch(in)
		runFault(d, "read_undefined", 64, 64, in)
	},
	"late at a launch": func(t *testing.T, d *Device) {
		out := failLate(d)
		d.launch("write_past", grid1(1, 32), out, 0)
		d.Synchronize()
	},
	"late at an upload": func(t *testing.T, d *Device) {
		failLate(d)
		d.Upload(op.NewArena(d).Float32(64), make([]float32, 64))
		d.Synchronize()
	},
	"late at a download": func(t *testing.T, d *Device) {
		x, v := op.NewArena(d).Zeros(64), make([]float32, 64)
		d.Download(v, x)
		failLate(d)
		d.Download(v, x)
	},
	"late at a mark": func(t *testing.T, d *Device) {
		d.Mark()
		d.Marks()
		failLate(d)
		d.Mark()
		d.Synchronize()
	},
	"late at a graph": func(t *testing.T, d *Device) {
		for range quietCalls {
			d.CaptureGraph(func() {})
		}
		failLate(d)
		d.capture.quiet = quietCalls
		d.CaptureGraph(func() {})
		d.Synchronize()
	},
	"late at a load": func(t *testing.T, d *Device) {
		x := op.NewArena(d).Zeros(64)
		failLate(d)
		d.ReLU(x, x) // the first kernel of its module
		d.Synchronize()
	},
	"late at an exchange": func(t *testing.T, d *Device) {
		c, x := joinAlone(d), op.NewArena(d).Zeros(64)
		failLate(d)
		c.AllReduce(x, false)
		d.Synchronize()
	},
	"in step": func(t *testing.T, d *Device) {
		failLate(d)
		d.Synchronize()
	},
	"stale kernel":     func(t *testing.T, d *Device) { runFault(d, "never_compiled", 32, 64) },
	"too many threads": func(t *testing.T, d *Device) { runFault(d, "misaligned", 512, 64) },
	"download undefined": func(t *testing.T, d *Device) {
		d.Download(make([]float32, 64), op.NewArena(d).Float32(64))
	},
	"leak": func(t *testing.T, d *Device) {
		d.wait(func() error { _, err := cu.MemAlloc(1000); return err })
		if err := d.Close(); err != nil {
			panic(err)
		}
	},
	"race": func(t *testing.T, d *Device) {
		out := op.NewArena(d).Float32(64)
		d.launch("race", grid1(1, 64), out)
		v := make([]float32, 64)
		d.Download(v, out)
		fmt.Println("last thread", v[0])
	},
	"missing wait": func(t *testing.T, d *Device) {
		a := op.NewArena(d)
		out, in := a.Float32(128), a.Zeros(64)
		d.launch("missing_wait", grid1(1, 64), out, in)
		v := make([]float32, 128)
		d.Download(v, out)
		fmt.Println("before", v[3], "after", v[67])
	},
}

func runFault(d *Device, name string, threads, n int, args ...any) {
	out := d.scratch(n)
	d.zero(out, int64(n)*4)
	d.launch(name, grid1(1, threads), append([]any{out}, args...)...)
	d.Synchronize()
}

// failLate launches a kernel that fails, which the driver tells at the next call. It returns
// memory for another launch.
func failLate(d *Device) pointer {
	const floats = allocationUnit / 4 // all of an allocation, with the cache of memory too
	out := d.scratch(floats)
	d.zero(out, allocationUnit)
	d.launch("write_past", grid1(1, 32), out, floats)
	return out
}

func TestEmulatorReports(t *testing.T) {
	dir := os.Getenv("HDMNET_EMU_SELFTEST")
	if dir == "" {
		t.Skip("HDMNET_EMU_SELFTEST names no directory with the self-test's drivers (make test-cuda)")
	}
	const fast, checked = "libcuda.so.1", "libcuda-check.so.1"
	for _, c := range []struct {
		name, driver, env string
		want              []string
	}{
		{"divergent barrier", fast, "", []string{"divergent_barrier", "divergent barrier", "faults.cu:8", "faults.cu:10"}},
		{"early return", fast, "", []string{"early_return", "divergent barrier", "24 of 64 threads have returned", "faults.cu:18"}},
		{"write past", checked, "", []string{"write_past", "thread (7,0,0)", "out of bounds write of 4 bytes", "0 bytes past the end", "of 400 bytes"}},
		{"write far past", fast, "", []string{"write_past", "thread (7,0,0)", "illegal access"}},
		{"late at a launch", checked, "", []string{"launch kernel write_past", "ILLEGAL_ADDRESS", "write_past, write_past, zero", "HDMNET_CUDA_SYNC=1", "compute-sanitizer"}},
		{"late at an upload", checked, "", []string{"ILLEGAL_ADDRESS", "write_past, zero", "HDMNET_CUDA_SYNC=1", "compute-sanitizer"}},
		{"late at a download", checked, "", []string{"copy from the device", "ILLEGAL_ADDRESS", "write_past, zero", "HDMNET_CUDA_SYNC=1", "compute-sanitizer"}},
		{"late at a mark", checked, "", []string{"ILLEGAL_ADDRESS", "mark, write_past, zero", "HDMNET_CUDA_SYNC=1", "compute-sanitizer"}},
		{"late at a graph", checked, "HDMNET_CUDA_CACHE=", []string{"begin to capture a graph", "ILLEGAL_ADDRESS", "write_past, zero", "HDMNET_CUDA_SYNC=1", "compute-sanitizer"}},
		{"late at a load", checked, "", []string{"load the kernels of kernels/relu.cu", "ILLEGAL_ADDRESS", "relu, write_past, zero", "HDMNET_CUDA_SYNC=1", "compute-sanitizer"}},
		{"late at an exchange", checked, librariesVariable + "=" + os.Getenv("HDMNET_EMU_LIBRARY"), []string{"all-reduce: NCCL", "ILLEGAL_ADDRESS", "all-reduce, write_past, zero", "HDMNET_CUDA_SYNC=1", "compute-sanitizer"}},
		{"in step", checked, "HDMNET_CUDA_SYNC=1", []string{"ILLEGAL_ADDRESS", "write_past: ", "has failed; please report", "compute-sanitizer"}},
		{"misaligned", checked, "", []string{"misaligned", "CUDA_ERROR_MISALIGNED_ADDRESS"}},
		{"half warp", fast, "", []string{"half_warp_shuffle", "__shfl_sync", "faults.cu"}},
		{"shared undefined", checked, "", []string{"read_shared_undefined", "thread (58,0,0)", "uninitialized read"}},
		{"shared past", checked, "", []string{"shared_past", "thread (63,0,0)", "out of bounds write", "shared memory"}},
		{"read undefined", checked, "", []string{"read_undefined", "uninitialized read of 4 bytes", "byte 0 of the allocation"}},
		{"read freed", checked, "", []string{"read_undefined", "out of bounds read", "freed allocation"}},
		{"read freed", fast, "", []string{"read_undefined", "illegal access", "freed allocation"}},
		{"stale kernel", fast, "", []string{"never_compiled", "make ptx && make emu"}},
		{"too many threads", fast, "", []string{"misaligned", "launch bounds"}},
		{"download undefined", checked, "", []string{"a copy to the host reads uninitialized memory"}},
		{"leak", fast, "", []string{"leak: 1 allocations with 1000 bytes"}},
		{"race", fast, "", []string{"last thread 62"}},
		{"race", fast, "HDMNET_EMU_SEED=3", []string{"last thread 18"}},
		{"missing wait", fast, "", []string{"before 7 after 0"}},
	} {
		t.Run(strings.TrimSpace(c.name+" "+c.driver+" "+c.env), func(t *testing.T) {
			out := runEmulatorCase(t, c.name, filepath.Join(dir, c.driver), c.env)
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("the report lacks %q:\n%s", want, out)
				}
			}
		})
	}
}

// runEmulatorCase runs one of emulatorCases in a process of its own and returns what that prints.
func runEmulatorCase(t *testing.T, name, driver, env string) string {
	cmd := exec.Command(os.Args[0], "-test.run=^TestEmulatorChild$", "-test.v")
	cmd.Env = append(os.Environ(), "HDMNET_EMU_CASE="+name, "HDMNET_CUDA_DRIVER="+driver, "HDMNET_CUDA_CACHE=off", "HDMNET_EMU_SEED=0", env)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return string(out)
}

// TestEmulatorChild is the child of runEmulatorCase.
func TestEmulatorChild(t *testing.T) {
	run := emulatorCases[os.Getenv("HDMNET_EMU_CASE")]
	if run == nil {
		t.Skip("only as a child of TestEmulatorReports")
	}
	d, err := Open(0, op.FP32)
	if err != nil {
		t.Fatal(err)
	}
	useSelftest(t, d)
	defer func() {
		if r := recover(); r != nil {
			fmt.Println("report:", r)
		}
	}()
	run(t, d)
}

// TestFunctions compares hdm.cuh's functions with Go's, on the drivers that have the
// self-test's kernels.
func TestFunctions(t *testing.T) {
	d := openSelftest(t)
	var x []float32
	for i := -1200; i <= 1200; i++ {
		x = append(x, float32(i)/10, float32(math.Exp(float64(i)/14)))
	}
	x = append(x, 0, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 1e-45, 1e-40, 88.72, -103.5, -87.5)
	n := len(x)
	a := op.NewArena(d)
	in, out := a.Float32(n), a.Float32(6, n)
	d.Upload(in, x)
	d.launch("functions", d.perElement(n), out, in, n)
	got := make([]float32, 6*n)
	d.Download(got, out)
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	for f, def := range []struct {
		name string
		f    func(float64) float64
		rel  float64
	}{
		{"exp", math.Exp, 3e-7}, {"log", math.Log, 3e-7}, {"erf", math.Erf, 6e-7},
		{"rsqrt", func(v float64) float64 { return 1 / math.Sqrt(v) }, 3e-7},
		{"bf16", func(v float64) float64 { return v }, 0.00391}, {"tf32", func(v float64) float64 { return v }, 0.000489},
	} {
		for i, v := range x {
			want, have := def.f(float64(v)), float64(got[f*n+i])
			if math.Abs(want) > math.MaxFloat32*1.00000003 {
				want = math.Inf(int(math.Copysign(1, want)))
			}
			tol := def.rel*math.Abs(want) + 1.5e-45
			if f >= 4 && math.Abs(want) < 1e-37 {
				continue // rounded to fewer bits than the relative bound grants
			}
			if have == want || math.IsNaN(have) && math.IsNaN(want) || math.Abs(have-want) <= tol {
				continue
			}
			t.Errorf("%s(%g) = %g, want %g", def.name, v, have, want)
		}
	}
}

func TestWarps(t *testing.T) {
	d := openSelftest(t)
	a := op.NewArena(d)
	defer a.Close()
	out := a.Float32(8, 96)
	d.launch("shuffles", grid1(1, 96), out)
	got := make([]float32, 8*96)
	d.Download(got, out)
	for i := range 96 {
		warp, lane := i/32*32, i%32
		down, up := i+2, i-2
		if lane+2 > 31 {
			down = i
		}
		if lane < 2 {
			up = i
		}
		for k, want := range []int{warp + 3, warp + lane ^ 5, down, up, 0xaaaa, 32*warp + 496, 95 * 48, 95} {
			if got[k*96+i] != float32(want) {
				t.Errorf("thread %d, value %d: %g, want %d", i, k, got[k*96+i], want)
			}
		}
	}
}

func TestTensorCores(t *testing.T) {
	d := openSelftest(t)
	ar := op.NewArena(d)
	defer ar.Close()
	a, b := make([]float32, 256), make([]float32, 128)
	for i := range a { // exact in bf16
		a[i] = float32(i*37%64-32) / 8
	}
	for i := range b {
		b[i] = float32(i*29%32-16) / 4
	}
	ta, tb, d16, d8 := ar.Float32(16, 16), ar.Float32(16, 8), ar.Float32(16, 8), ar.Float32(16, 8)
	d.Upload(ta, a)
	d.Upload(tb, b)
	d.launch("products", grid1(1, 32), d16, d8, ta, tb)
	for k, out := range map[int]op.Tensor{16: d16, 8: d8} {
		got := make([]float32, 128)
		d.Download(got, out)
		for i := range 16 {
			for j := range 8 {
				var want float32
				for p := range k {
					want += a[i*16+p] * b[p*8+j]
				}
				if got[i*8+j] != want {
					t.Errorf("k = %d: [%d,%d] = %g, want %g", k, i, j, got[i*8+j], want)
				}
			}
		}
	}
}

// openSelftest opens the device when its driver has the self-test's kernels.
func openSelftest(t testing.TB) *Device {
	t.Helper()
	if !strings.HasPrefix(os.Getenv("HDMNET_CUDA_DRIVER"), os.Getenv("HDMNET_EMU_SELFTEST")+"/") || os.Getenv("HDMNET_EMU_SELFTEST") == "" {
		t.Skip("the driver is not the self-test's (make test-cuda)")
	}
	d := open(t)
	useSelftest(t, d)
	return d
}
