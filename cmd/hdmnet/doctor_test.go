package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"os"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/cpu"
	"hdmnet/internal/device"
	"hdmnet/internal/op"
	"hdmnet/internal/selftest"
)

// TestDoctor: on the CPU, which every build has.
func TestDoctor(t *testing.T) {
	out, errs, code := hdmnet(t, "doctor", "--device", "cpu")
	for _, want := range []string{"CPU ", "CUDA", "device     cpu", "fp32", "loss of a training step", "nothing is wrong"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code != ui.ExitOK || errs != "" || strings.Contains(out, "FAIL") {
		t.Errorf("code %d, %s\n%s", code, errs, out)
	}
	out, errs, code = hdmnet(t, "doctor", "--device", "cpu", "--self-test=false", "--json")
	v := decode(t, out)
	if _, tested := v["self_test"]; code != ui.ExitOK || v["ok"] != true || tested || v["device"].(map[string]any)["precision"] != "fp32" {
		t.Errorf("code %d, %s\n%s", code, errs, out)
	}
}

// TestDoctorOtherDevice: the device that HDMNET_TEST_DEVICE names has every operator right.
func TestDoctorOtherDevice(t *testing.T) {
	name := os.Getenv("HDMNET_TEST_DEVICE")
	if name == "" {
		t.Skip("HDMNET_TEST_DEVICE names no device")
	}
	out, errs, code := hdmnet(t, "doctor", "--device", name, "--json")
	v := decode(t, out)
	if code != ui.ExitOK || v["ok"] != true {
		t.Fatalf("code %d, %s\n%s", code, errs, out)
	}
	if n := len(v["self_test"].(map[string]any)["operators"].([]any)); n < 50 {
		t.Errorf("only %d operators", n)
	}
}

// TestDoctorAskedForMore: what was asked for and cannot be had is in the report, in the
// message, and in the exit code.
func TestDoctorAskedForMore(t *testing.T) {
	const never = "cuda:999"
	out, errs, code := hdmnet(t, "doctor", "--device", never, "--json")
	v := decode(t, out)
	problem, _ := v["problem"].(string)
	if code != ui.ExitError || v["ok"] != false || v["device"] != nil || !strings.Contains(problem, never) || !strings.Contains(errs, problem) {
		t.Errorf("code %d, %s\n%s", code, errs, out)
	}
	out, _, code = hdmnet(t, "doctor", "--device", never)
	if code != ui.ExitError || !strings.Contains(out, "verdict    device "+never) {
		t.Errorf("code %d\n%s", code, out)
	}
	fails(t, ui.ExitUsage, []string{"doctor", "--device", "gpu"}, `"gpu"`, "cuda:N")
	fails(t, ui.ExitUsage, []string{"doctor", "--precision", "fp16"}, `--precision: precision "fp16"`, "fp32, tf32, bf16")
	out, _, code = hdmnet(t, "doctor", "--device", "cpu", "--precision", "tf32")
	if code != ui.ExitError || !strings.Contains(out, "verdict    device cpu: the CPU has no tf32") {
		t.Errorf("code %d\n%s", code, out)
	}
	fails(t, ui.ExitUsage, []string{"doctor", "x"}, `"x"`)
}

// TestDoctorBF16: the CPU in bf16 is tested beside itself in float32.
func TestDoctorBF16(t *testing.T) {
	host, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	if fastest := host.FastestPrecision(); fastest != op.BF16 {
		t.Skipf("the fastest precision of this processor is %v: it lacks AVX512_BF16", fastest)
	}
	out, errs, code := hdmnet(t, "doctor", "--device", "cpu", "--precision", "bf16", "--json")
	v := decode(t, out)
	test := v["self_test"].(map[string]any)
	if code != ui.ExitOK || v["ok"] != true || v["device"].(map[string]any)["precision"] != "bf16" || test["products"] != roundedTolerance {
		t.Errorf("code %d, %s\n%s", code, errs, out)
	}
	rounded := map[string]bool{}
	for _, o := range test["operators"].([]any) {
		if o := o.(map[string]any); o["difference"].(float64) > 0 {
			rounded[o["name"].(string)] = true
		}
	}
	want := map[string]bool{"FrozenConv2D": true, "PriorSimilarity": true}
	if !maps.Equal(rounded, want) {
		t.Errorf("%v round, want %v", rounded, want)
	}
}

// TestDoctorPrint: GPUs, libraries and failures as people see them.
func TestDoctorPrint(t *testing.T) {
	r := &doctorReport{
		Platform: "linux/amd64",
		CUDA: device.CUDA{Built: true, DriverFile: "libcuda.so.1", Version: "12.4", GPUs: []device.GPU{
			{Index: 0, Name: "A100", Memory: 40 << 30, Capability: "8.0", Multiprocessors: 108}, {Index: 1, Name: "T4", Problem: "choose another GPU"},
		}},
		Device: &doctorDevice{Name: "cuda:0 (A100)", Why: "asked for", Details: device.Details{
			Precision: "fp32", Fastest: "bf16", Libraries: []device.SharedLibrary{
				{Name: "cuBLASLt", Path: "libcublasLt.so.12", Version: "12.4.5", Use: "products", Left: []string{"a product"}},
				{Name: "cuDNN", Use: "convolutions", Reason: "no such file"},
			},
		}},
		SelfTest: &doctorSelfTest{Tolerance: 1e-4, Products: 0.02, Report: &selftest.Report{
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
	if got := joinSome([]string{"a", "b", "c", "d"}, 2); got != "a, b and 2 more" {
		t.Error(got)
	}
	if err := r.print(closed{}); !errors.Is(err, errClosed) {
		t.Errorf("a closed output: %v", err)
	}
}

var errClosed = errors.New("closed")

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, errClosed }
