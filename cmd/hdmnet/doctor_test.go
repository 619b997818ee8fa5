package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/cpu"
	"hdmnet/internal/op"
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
	out, errs, code = hdmnet(t, "doctor", "--device", "cpu", "--self-test=false", "--measure=false", "--json")
	v := decode(t, out)
	device := v["device"].(map[string]any)
	if _, tested := v["self_test"]; code != ui.ExitOK || v["ok"] != true || tested || device["precision"] != "fp32" || device["fastest_precision"] != nil {
		t.Errorf("code %d, %s\n%s", code, errs, out)
	}
}

// TestDoctorOtherDevice: the device that HDMNET_TEST_DEVICE names has every operator right.
func TestDoctorOtherDevice(t *testing.T) {
	name := os.Getenv("HDMNET_TEST_DEVICE")
	if name == "" {
		t.Skip("HDMNET_TEST_DEVICE names no device")
	}
	out, errs, code := hdmnet(t, "doctor", "--device", name, "--measure=false", "--json")
	v := decode(t, out)
	if code != ui.ExitOK || v["ok"] != true {
		t.Fatalf("code %d, %s\n%s", code, errs, out)
	}
	if n := len(v["self_test"].(map[string]any)["operators"].([]any)); n < 50 {
		t.Errorf("only %d operators", n)
	}
}

// TestToldOfCompiling: who waits for the driver's compiler is told why, once: in a command that
// computes, and where doctor measures precisions.
func TestToldOfCompiling(t *testing.T) {
	name := os.Getenv("HDMNET_TEST_DEVICE")
	if name == "" || os.Getenv("HDMNET_EMU_DRY") == "" {
		t.Skip("needs the emulated driver that runs no kernel (make test-parity)")
	}
	for slow, args := range map[string][]string{
		"relu":        {"bench", "model", "--size", "33", "--runs", "1", "--warmup", "0"},
		"tensor_conv": {"doctor", "--self-test=false"}, // in tf32 and in bf16
	} {
		t.Setenv("HDMNET_EMU_COMPILE", slow)
		_, errs, code := hdmnet(t, append(args, "--device", name)...)
		if n := strings.Count(errs, "the driver compiles hdmnet's kernels for this GPU"); code != ui.ExitOK || n != 1 {
			t.Errorf("%v, %s is slow to load: told %d times, code %d: %s", args, slow, n, code, errs)
		}
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
	fails(t, ui.ExitUsage, []string{"doctor", "--precision", "fp16"}, `--precision: precision "fp16"`, "fp32, bf16x3, tf32, bf16")
	out, _, code = hdmnet(t, "doctor", "--device", "cpu", "--precision", "tf32")
	if code != ui.ExitError || !strings.Contains(out, "verdict    device cpu: the CPU has no tf32") {
		t.Errorf("code %d\n%s", code, out)
	}
	fails(t, ui.ExitUsage, []string{"doctor", "x"}, `"x"`)
}

// TestDoctorMeasures: auto is the precision that was measured to be the fastest.
func TestDoctorMeasures(t *testing.T) {
	out, errs, code := hdmnet(t, "doctor", "--device", "cpu", "--self-test=false", "--precision", "auto", "--json")
	device := decode(t, out)["device"].(map[string]any)
	measured := device["measured"].([]any)
	_, err := cpu.Open(op.BF16)
	if code != ui.ExitOK || device["precision"] != device["fastest_precision"] || len(measured) >= 2 != (err == nil) {
		t.Errorf("code %d, %s\n%s", code, errs, out)
	}
	for _, m := range measured {
		if m.(map[string]any)["seconds"].(float64) <= 0 {
			t.Errorf("no time in %v", m)
		}
	}
}

// TestDoctorBF16: the CPU in bf16 and bf16x3 is tested beside itself in float32.
func TestDoctorBF16(t *testing.T) {
	isa, err := cpu.ISA()
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"Conv2D", "Conv2DGradInput", "Conv2DGradWeight", "FrozenConv2D", "Gram", "Linear", "LinearGrad", "LinearGradInput", "LinearGradWeight", "PriorSimilarity"}
	few := []string{"FrozenConv2D", "PriorSimilarity", "SelfAttention"} // attention of encoders
	if isa == "amx" {
		few = append(all, "SelfAttention")
	}
	testDoctorIn(t, op.BF16, 0.02, few)
	testDoctorIn(t, op.BF16X3, 1e-4, all)
}

// testDoctorIn runs the self-test in a precision that rounds in the operators of want alone.
func testDoctorIn(t *testing.T, p op.Precision, products float64, want []string) {
	t.Helper()
	if _, err := cpu.Open(p); err != nil {
		t.Skip(err)
	}
	out, errs, code := hdmnet(t, "doctor", "--device", "cpu", "--precision", p.String(), "--measure=false", "--json")
	v := decode(t, out)
	test := v["self_test"].(map[string]any)
	if code != ui.ExitOK || v["ok"] != true || v["device"].(map[string]any)["precision"] != p.String() || test["products"] != products {
		t.Errorf("code %d, %s\n%s", code, errs, out)
	}
	var rounded []string
	for _, o := range test["operators"].([]any) {
		if o := o.(map[string]any); o["difference"].(float64) > 0 {
			rounded = append(rounded, o["name"].(string))
		}
	}
	if slices.Sort(rounded); !slices.Equal(rounded, want) {
		t.Errorf("in %v %v round, want %v", p, rounded, want)
	}
}
