package main

import (
	encoding "encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/golden"
	"hdmnet/internal/train"
)

// TestTwoDevices compares the CPU with the device that HDMNET_TEST_DEVICE names (make
// test-cuda: the emulated GPU) from the command line: the same losses, and checkpoints of
// each that predict and score alike on the other.
func TestTwoDevices(t *testing.T) {
	other := os.Getenv("HDMNET_TEST_DEVICE")
	if other == "" {
		t.Skip("HDMNET_TEST_DEVICE names no device to compare with the CPU")
	}
	dir := t.TempDir()
	settings := []string{
		"--set", "dataset.synth_size=64", "--set", "dataset.synth_train=60", "--set", "dataset.synth_val=40", "--set", "dataset.min_area=20",
		"--set", "model.size=33", "--set", "train.base.size=33", "--set", "train.meta.validate_every=0", "--set", "train.base.validate_every=0",
		"--set", "train.base.max_steps=3", "--set", "train.meta.max_steps=3", "--set", "eval.episodes=10",
	}
	run := func(device, stage string, more ...string) string {
		t.Helper()
		out := filepath.Join(dir, stage+"_"+device)
		args := with([]string{"train", "--fold", "0", "--seed", "4", "--stage", stage, "--device", device, "--out", out}, settings, more)
		if _, errs, code := hdmnet(t, args...); code != ui.ExitOK {
			t.Fatalf("%s on %s: code %d, %s", stage, device, code, errs)
		}
		return out
	}
	alike := func(stage, a, b string) {
		t.Helper()
		x, y := steps(t, a), steps(t, b)
		if len(x) != 3 || len(y) != 3 {
			t.Fatalf("%s: %d and %d steps, want 3", stage, len(x), len(y))
		}
		for i := range x {
			for name, want := range x[i].Losses {
				d := math.Abs(y[i].Losses[name]-want) / math.Abs(want)
				t.Logf("%s, step %d, %s: %g, relative difference %.2g", stage, i+1, name, want, d)
				if !(d <= 1e-4) {
					t.Errorf("%s, step %d: %s is %g, on the CPU %g", stage, i+1, name, y[i].Losses[name], want)
				}
			}
		}
	}
	base := [2]string{run("cpu", "base"), run(other, "base")}
	alike("base", base[0], base[1])
	// Both go on from the base learner of the CPU.
	start := []string{"--set", "base.weights=" + filepath.Join(base[0], "base.safetensors")}
	meta := [2]string{run("cpu", "meta", start...), run(other, "meta", start...)}
	alike("meta", meta[0], meta[1])

	score := func(run, device string, more ...string) map[string]any {
		t.Helper()
		out, errs, code := hdmnet(t, with([]string{"eval", "--run", run, "--device", device, "--json"}, more)...)
		if code != ui.ExitOK {
			t.Fatalf("eval of %s on %s: code %d, %s", run, device, code, errs)
		}
		v := decode(t, out)
		if v["episodes"] != 10.0 {
			t.Errorf("%v episodes, want 10", v["episodes"])
		}
		return v
	}
	picture, mask := photo(t, filepath.Join(dir, "p.jpg"), 60, 50), classMask(t, filepath.Join(dir, "p.png"), 60, 50, 1)
	logits := func(run, device string) []float32 {
		t.Helper()
		out := filepath.Join(run, "predicted_"+device)
		_, errs, code := hdmnet(t, "predict", "--run", run, "--device", device, "--support", picture+":"+mask, "--query", picture, "--out", out, "--save-logits")
		if code != ui.ExitOK {
			t.Fatalf("predict with %s on %s: code %d, %s", run, device, code, errs)
		}
		v := floatsOf(t, filepath.Join(out, "p_logits.npy"))
		if len(v) != 2*60*50 {
			t.Fatalf("%d logits", len(v))
		}
		return v
	}
	for _, run := range meta {
		if d := golden.RelL2(logits(run, other), logits(run, "cpu")); !(d <= 1e-4) {
			t.Errorf("%s: the logits on %s differ by %.2g", run, other, d)
		} else {
			t.Logf("%s: the logits differ by %.2g", filepath.Base(run), d)
		}
		here, there := score(run, "cpu"), score(run, other)
		together := score(run, other, "--set", "eval.batch=4") // and two episodes at last
		for _, name := range []string{"miou", "fb_iou", "miou_meta", "fb_iou_meta", "miou_base"} {
			x, y := here[name].(float64), there[name].(float64)
			if !(math.Abs(x-y) <= 1e-3) { // a label on the border may fall on the other side
				t.Errorf("%s: %s is %g on the CPU, %g on %s", run, name, x, y, other)
			}
			if z := together[name].(float64); z != y {
				t.Errorf("%s: %s is %g on %s, %g with four episodes at a time", run, name, y, other, z)
			}
		}
	}
}

// floatsOf are the numbers of a NumPy file of float32.
func floatsOf(t *testing.T, path string) []float32 {
	t.Helper()
	npy := read(t, path)
	npy = npy[10+int(encoding.LittleEndian.Uint16(npy[8:])):]
	v := make([]float32, len(npy)/4)
	for i := range v {
		v[i] = math.Float32frombits(encoding.LittleEndian.Uint32(npy[4*i:]))
	}
	return v
}

// steps are the training steps of a run.
func steps(t *testing.T, dir string) []train.Record {
	t.Helper()
	all, err := train.ReadMetrics(filepath.Join(dir, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var steps []train.Record
	for _, r := range all {
		if r.Kind == "step" {
			steps = append(steps, r)
		}
	}
	return steps
}

// TestTwoDevicesBench: what the benchmark times on the other device is the CPU's work: the
// same first loss or prediction, the same operations, and every part has a time, in graphs
// and apart.
func TestTwoDevicesBench(t *testing.T) {
	other := os.Getenv("HDMNET_TEST_DEVICE")
	if other == "" {
		t.Skip("HDMNET_TEST_DEVICE names no device to compare with the CPU")
	}
	for _, mode := range []string{"train", "eval"} {
		report := func(device string, more ...string) benchModelReport {
			return benchReport[benchModelReport](t, with([]string{"model", "--mode", mode, "--size", "33", "--batch", "2", "--device", device}, more)...)
		}
		once := []string{"--runs", "1", "--warmup", "0"}
		c, first, g := report("cpu", once...), report(other, append(once, "--ops=false")...), report(other, "--runs", "1", "--warmup", "3")
		if d := math.Abs(first.Result-c.Result) / c.Result; !(d <= 1e-4) {
			t.Errorf("%s: result %g, on the CPU %g", mode, first.Result, c.Result)
		}
		if len(g.Stages.Parts) != len(c.Stages.Parts) || math.Abs(g.Stages.Needed-c.Stages.Needed) > 1e-9 || g.DeviceMiB <= 0 {
			t.Errorf("%s: %+v, on the CPU %+v", mode, g, c)
		}
		for _, p := range g.Stages.Parts {
			if p.MS <= 0 || p.ApartMS <= 0 {
				t.Errorf("%s: %+v", mode, p)
			}
		}
	}
}
