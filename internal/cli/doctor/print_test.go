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
		Device: &deviceReport{Name: "cuda:0 (A100)", Why: "asked for", Details: device.Details{
			Precision: "fp32", Fastest: "bf16", Libraries: []device.SharedLibrary{
				{Name: "cuBLASLt", Path: "libcublasLt.so.12", Version: "12.4.5", Use: "products", Left: []string{"a product"}},
				{Name: "cuDNN", Use: "convolutions", Reason: "no such file"},
			},
		}},
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
		"choose another GPU", "fp32; the fastest here is bf16 (--precision bf16)", "12.4.5 (libcublasLt.so.12)", "own kernels: a product", "not used: no such file",
		"nvidia-cudnn-cu12", "and PriorSimilarity up to 0.02", "2×3", "not a number", "FAIL: no such kernel", "1.0e+00", "verdict    it fails",
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

var errClosed = errors.New("closed")

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, errClosed }
