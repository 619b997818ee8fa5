package doctor

import (
	"bytes"
	"encoding/json"
	"errors"
	"hdmnet/internal/device"
	"hdmnet/internal/selftest"
	"math"
	"strings"
	"testing"
)

// TestDoctorPrint: GPUs, libraries and failures as people see them.
func TestDoctorPrint(t *testing.T) {
	r := &report{
		Platform: "linux/amd64",
		CUDA: device.CUDA{Built: true, DriverFile: "libcuda.so.1", Version: "12.4", GPUs: []device.GPU{
			{Index: 0, Name: "A100", Memory: 40 << 30, Capability: "8.0", Multiprocessors: 108}, {Index: 1, Name: "T4", Problem: "choose another GPU"},
		}},
		Device: &deviceReport{Name: "cuda:0 (A100)", Why: "asked for", Python: &device.PythonLibraries{Python: "/usr/bin/python3", Folders: []string{"/p/cu13/lib", "/p/cudnn/lib"}}, Details: device.Details{
			Precision: "fp32", Libraries: []device.SharedLibrary{
				{Name: "cuBLASLt", Path: "libcublasLt.so.12", Version: "12.4.5", Use: "products", Left: []string{"a product"}},
				{Name: "cuDNN", Use: "convolutions", Reason: "no such file"},
			},
		}, Measured: []timing{{"fp32", 0.041}, {"bf16", 0.0245}}, Fastest: "bf16"},
		SelfTest: &selfTest{Tolerance: 1e-4, Products: 0.02, Report: &selftest.Report{
			Operators: []selftest.Operator{
				{Name: "Add", Calls: 3, Shape: []int{2, 3}, OK: true}, {Name: "GELU", Calls: 1, Difference: selftest.Number(math.Inf(1)), Shape: []int{4}},
				{Name: "ReLU", Calls: 1, Error: "no such kernel"},
			},
			Results: []selftest.Result{{Name: "loss", Value: 2, Want: 1, Difference: 1}},
		}},
		Problem: "it fails",
	}
	var b bytes.Buffer
	if err := r.print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"driver     of unknown version, up to CUDA 12.4 (libcuda.so.1)", "GPU 0      A100, 40.0 GiB, compute capability 8.0, 108 multiprocessors",
		"choose another GPU", "fp32; the fastest here is bf16 (--precision bf16), which rounds the inputs of products; measured now for a part of the network: fp32 41 ms, bf16 24.5 ms", "12.4.5 (libcublasLt.so.12)", "own kernels: a product", "not used: no such file",
		"nvidia-cudnn-cu12", "/usr/bin/python3 has some of them", "export HDMNET_CUDA_LIBRARIES='/p/cu13/lib:/p/cudnn/lib'", "and PriorSimilarity up to 0.02", "2×3", "not a number", "FAIL: no such kernel", "1.0e+00", "verdict    it fails",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if failed := r.SelfTest.failed(); failed != "GELU, ReLU, loss" {
		t.Errorf("failed: %s", failed)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
	if err := r.print(closed{}); !errors.Is(err, errClosed) {
		t.Errorf("a closed output: %v", err)
	}
}

// TestPrecisionLine: what is said of the precision, and what is recommended.
func TestPrecisionLine(t *testing.T) {
	two := []timing{{"fp32", 0.02}, {"bf16", 0.03}}
	for _, c := range []struct {
		d    deviceReport
		want string
	}{
		{deviceReport{}, "bf16"},
		{deviceReport{Fastest: "bf16"}, "bf16, the only one here"},
		{deviceReport{Measured: two, Fastest: "bf16"}, "bf16, the fastest here; measured now for a part of the network: fp32 20 ms, bf16 30 ms"},
		{deviceReport{Measured: two, Fastest: "fp32"}, "bf16; the fastest here is fp32 (--precision fp32), which does not round; measured now for a part of the network: fp32 20 ms, bf16 30 ms"},
	} {
		c.d.Precision = "bf16"
		if got := c.d.precision(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

var errClosed = errors.New("closed")

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, errClosed }
