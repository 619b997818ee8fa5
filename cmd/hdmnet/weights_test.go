package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/model"
	"hdmnet/internal/weights"
)

// torchFixture is a file that torch.save wrote; internal/weights/testdata/torch/README.md.
func torchFixture(name string) string {
	return filepath.Join("..", "..", "internal", "weights", "testdata", "torch", name)
}

// runs runs a command line that must succeed and returns its output.
func runs(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, code := hdmnet(t, args...)
	if code != ui.ExitOK {
		t.Fatalf("%s: code %d, %s", strings.Join(args, " "), code, errs)
	}
	return out
}

// TestWeightsThereAndBack: safetensors to .pth and back is the same network, and scores
// the same.
func TestWeightsThereAndBack(t *testing.T) {
	dir := t.TempDir()
	a := untrainedWeights(t, tiny(1), map[string]string{"fold": "0"})
	b, c, half := filepath.Join(dir, "b.pth"), filepath.Join(dir, "c.safetensors"), filepath.Join(dir, "half.pt")
	if out := runs(t, "weights", "convert", a, b); !strings.Contains(out, "HDMNet, tiny, 16 classes") || !strings.Contains(out, "PyTorch zip") {
		t.Error(out)
	}
	runs(t, "weights", "convert", b, c)
	if out := runs(t, "weights", "diff", a, b); !strings.Contains(out, " equal, 0 differ") {
		t.Error(out)
	}
	runs(t, "weights", "diff", "--raw", b, c)
	x, _ := os.ReadFile(b)
	runs(t, "weights", "convert", "--force", c, b)
	if y, _ := os.ReadFile(b); len(x) == 0 || len(x) != len(y) {
		t.Errorf("%d bytes become %d", len(x), len(y))
	}
	score := func(file string) map[string]any {
		got := decode(t, runs(t, with([]string{"eval", "--weights", file, "--json", "--episodes", "2", "--seeds", "1"}, small)...))
		for _, key := range []string{"seconds", "weights"} {
			delete(got, key)
		}
		return got
	}
	one, two := score(a), score(b)
	x, _ = json.Marshal(one)
	y, _ := json.Marshal(two)
	if string(x) != string(y) || len(one) < 5 {
		t.Errorf("scores differ: %s and %s", x, y)
	}

	runs(t, "weights", "convert", a, half, "--dtype", "float16")
	failsWithOutput(t, []string{"weights", "diff", a, half}, "differ in")
	runs(t, "weights", "diff", a, half, "--tolerance", "1e-3")
	small, large := size(t, half), size(t, b)
	if small > large*6/10 {
		t.Errorf("half precision takes %d of %d bytes", small, large)
	}
}

// TestWeightsDemo: the demo network is one that works.
func TestWeightsDemo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "demo.safetensors")
	if out := runs(t, "weights", "demo", file); !strings.Contains(out, "--config shapes5i") {
		t.Error(out)
	}
	got := decode(t, runs(t, "eval", "--weights", file, "--config", "shapes5i", "--json", "--episodes", "60", "--seeds", "510"))
	if miou, ok := got["miou"].(float64); !ok || miou < 0.55 {
		t.Errorf("mIoU %v, expected about 0.65", got["miou"])
	}
	_, errs, code := hdmnet(t, "weights", "demo", file)
	if code != ui.ExitUsage || !strings.Contains(errs, "--force") {
		t.Errorf("code %d: %s", code, errs)
	}
}

// TestWeightsKey: a file with two networks is read when the key says which.
func TestWeightsKey(t *testing.T) {
	file, out := torchFixture("ema_beside.pth"), filepath.Join(t.TempDir(), "out.safetensors")
	if _, errs, code := hdmnet(t, "weights", "inspect", file); code != ui.ExitError || !strings.Contains(errs, "state_dict (HDMNet") || !strings.Contains(errs, "state_dict_ema.module (HDMNet") {
		t.Errorf("code %d: %s", code, errs)
	}
	for _, args := range [][]string{{file, "--key", "state_dict_ema"}, {file + "#state_dict_ema"}} {
		if text := runs(t, append([]string{"weights", "inspect"}, args...)...); !strings.Contains(text, "tensors in state_dict_ema, module. dropped") {
			t.Error(text)
		}
	}
	runs(t, "weights", "diff", file+"#state_dict", file+"#state_dict_ema")
	runs(t, "weights", "diff", torchFixture("lightning.pth"), torchFixture("ema.pth")+"#model_ema.module", "--key", "state_dict.model")
	runs(t, "weights", "convert", file, out, "--key", "state_dict")
	if text := runs(t, "weights", "inspect", out); !strings.Contains(text, "HDMNet") {
		t.Error(text)
	}
	if _, errs, code := hdmnet(t, "eval", "--run", "x", "--key", "ema"); code != ui.ExitUsage || !strings.Contains(errs, "--key goes with --weights") {
		t.Errorf("code %d: %s", code, errs)
	}
}

// TestWeightsConvertCompletes: what an old or a wider file lacks or has too much for
// PyTorch's strict load_state_dict.
func TestWeightsConvertCompletes(t *testing.T) {
	dir := t.TempDir()
	whole := untrainedWeights(t, tiny(1), nil)
	f, err := weights.Open(whole)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var old []weights.Tensor
	moment := weights.Tensor{Name: "adamw.m", Shape: []int{2}, Float32: []float32{1, 2}}
	for _, name := range f.Names() {
		if f.Dtype(name) == "F32" {
			v, shape, err := f.Float32(name)
			if err != nil {
				t.Fatal(err)
			}
			old = append(old, weights.Tensor{Name: name, Shape: shape, Float32: v})
		}
	}
	in, out := filepath.Join(dir, "old.pth"), filepath.Join(dir, "new.pth")
	if err := weights.SaveTorch(in, append(old, moment), nil); err != nil {
		t.Fatal(err)
	}
	_, errs, code := hdmnet(t, "weights", "convert", in, out)
	if code != ui.ExitOK || !strings.Contains(errs, "adamw.m") || strings.Contains(errs, "refuse") {
		t.Errorf("code %d: %s", code, errs)
	}
	if len(old) == len(f.Names()) {
		t.Fatal("the network has no counters")
	}
	runs(t, "weights", "diff", "--raw", whole, out)

	lacking := filepath.Join(dir, "lacking.safetensors")
	if err := weights.SaveTorch(in, old[1:], nil); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := hdmnet(t, "weights", "convert", in, lacking); code != ui.ExitOK || !strings.Contains(errs, "lacks 1 tensor") || !strings.Contains(errs, old[0].Name) {
		t.Errorf("code %d: %s", code, errs)
	}

	// A base learner gets PSPNet's second names.
	var psp []weights.Tensor
	for _, w := range old {
		if rest, ok := strings.CutPrefix(w.Name, "base_learnear.2."); ok {
			w.Name = "cls.4." + rest
		}
		if model.IsBaseParam(w.Name) {
			psp = append(psp, w)
		}
	}
	if err := weights.Save(filepath.Join(dir, "base.safetensors"), psp, nil); err != nil {
		t.Fatal(err)
	}
	runs(t, "weights", "convert", filepath.Join(dir, "base.safetensors"), filepath.Join(dir, "base.pth"))
	runs(t, "weights", "diff", filepath.Join(dir, "base.pth"), filepath.Join(dir, "base.pth"))
	got := runs(t, "weights", "inspect", filepath.Join(dir, "base.pth"))
	for _, want := range []string{"base learner, tiny, 16 classes", "encoder.0.0.weight", "encoder.4.0.bn3.num_batches_tracked", "cls.4.weight"} {
		if !strings.Contains(got, want) {
			t.Errorf("the base learner lacks %q: %s", want, got)
		}
	}
	if strings.Contains(got, "incomplete") {
		t.Error(got)
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// failsWithOutput runs a command line that prints its result and fails with exit code 1.
func failsWithOutput(t *testing.T, args []string, want ...string) string {
	t.Helper()
	out, errs, code := hdmnet(t, args...)
	if code != ui.ExitError || out == "" {
		t.Errorf("%s: code %d, output %q", strings.Join(args, " "), code, out)
	}
	for _, w := range want {
		if !strings.Contains(errs, w) {
			t.Errorf("%s: the message should say %q: %s", strings.Join(args, " "), w, errs)
		}
	}
	return out
}

func TestWeightsInspect(t *testing.T) {
	out := runs(t, "weights", "inspect", torchFixture("checkpoint.pth"))
	for _, want := range []string{
		"PyTorch zip, tensors in state_dict\n", "not recognized", "optimizer (a dict of 2)", "epoch = 7", "7 of 13 elements (6 F32, 1 I64)",
		"1.running_mean", "[2 1 1 1]",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output should say %q: %s", want, out)
		}
	}
	w := untrainedWeights(t, tiny(2), map[string]string{"fold": "3"}, "gram_merge.weight")
	var got struct {
		Format, Kind, Backbone string
		BaseClasses            int `json:"base_classes"`
		Shots                  int
		Missing                []string
		Metadata               map[string]string
		Tensors                []struct{ Shape []int }
	}
	if err := json.Unmarshal([]byte(runs(t, "weights", "inspect", "--json", w)), &got); err != nil {
		t.Fatal(err)
	}
	if got.Kind != "HDMNet" || got.Backbone != "tiny" || got.Shots != 2 || got.BaseClasses != 16 || got.Metadata["fold"] != "3" || got.Format != "safetensors" ||
		len(got.Missing) != 1 || got.Missing[0] != "gram_merge.weight" || len(got.Tensors) < 100 || got.Tensors[0].Shape == nil {
		t.Errorf("%+v", got)
	}
	if out := runs(t, "weights", "inspect", w); !strings.Contains(out, "1 tensor of the network missing: gram_merge.weight") {
		t.Error(out)
	}
}

// TestWeightsDiffKinds: every way in which two files differ, by name.
func TestWeightsDiffKinds(t *testing.T) {
	dir := t.TempDir()
	save := func(name string, tensors ...weights.Tensor) string {
		path := filepath.Join(dir, name)
		if err := weights.Save(path, tensors, nil); err != nil {
			t.Fatal(err)
		}
		return path
	}
	f := func(name string, v ...float32) weights.Tensor {
		return weights.Tensor{Name: name, Shape: []int{len(v)}, Float32: v}
	}
	nan := f("nan", 0)
	nan.Float32[0] /= nan.Float32[0]
	a := save("a", f("gone", 1), f("shape", 1), f("value", 1, 2, 4), f("type", 1), nan)
	b := save("b", f("new", 1), f("shape", 1, 2), f("value", 1, 2.5, 3), weights.Tensor{Name: "type", Shape: []int{1}, Int64: []int64{1}}, nan)
	out := strings.Join(strings.Fields(failsWithOutput(t, []string{"weights", "diff", a, b}, a, b, "differ in 5 tensors")), " ")
	for _, want := range []string{
		"only in A gone F32 [1]", "only in B new F32 [1]", "shape shape [1] and [2]", "values value 2 of 3, |a−b| ≤ 1, relative ≤ 0.25", "type type F32 and I64", "1 equal, 5 differ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output should say %q: %s", want, out)
		}
	}
	c := save("c", f("value", 1, 2, 4))
	d := save("d", f("value", 1, 2.5, 3))
	runs(t, "weights", "diff", c, d, "--tolerance", "1")
	failsWithOutput(t, []string{"weights", "diff", c, d, "--tolerance", "0.9"}, "1 tensor")
}

func TestWeightsRefuse(t *testing.T) {
	dir := t.TempDir()
	w := untrainedWeights(t, tiny(1), nil)
	there := write(t, filepath.Join(dir, "there.pth"), []byte("mine"))
	for _, c := range []struct {
		code int
		args []string
		want []string
	}{
		{ui.ExitUsage, []string{"weights", "inspect"}, []string{"FILE is missing"}},
		{ui.ExitUsage, []string{"weights", "inspct", w}, []string{"did you mean inspect"}},
		{ui.ExitUsage, []string{"weights", "inspect", w, w}, []string{"unexpected argument"}},
		{ui.ExitUsage, []string{"weights", "convert", w}, []string{"OUT is missing"}},
		{ui.ExitUsage, []string{"weights", "convert", w, "out.onnx"}, []string{"out.onnx", ".safetensors"}},
		{ui.ExitUsage, []string{"weights", "convert", w, "out.pth", "--dtype", "int8"}, []string{"int8", "float16"}},
		{ui.ExitUsage, []string{"weights", "convert", w, there}, []string{there, "--force"}},
		{ui.ExitUsage, []string{"weights", "convert", w, w, "--force"}, []string{"the same file"}},
		{ui.ExitUsage, []string{"weights", "diff", w, w, "--tolerance", "-1"}, []string{"-1"}},
		{ui.ExitError, []string{"weights", "inspect", filepath.Join(dir, "none.pth")}, []string{"none.pth", "no such file"}},
		{ui.ExitError, []string{"weights", "inspect", torchFixture("module_legacy.pth")}, []string{"module_legacy.pth", "no tensors", "state_dict"}},
		{ui.ExitError, []string{"weights", "convert", torchFixture("every.pth"), filepath.Join(dir, "x.pth")}, []string{"complex64", "C64"}},
		{ui.ExitError, []string{"weights", "diff", w, there}, []string{there}},
		{ui.ExitError, with([]string{"eval", "--fold", "0", "--weights", torchFixture("checkpoint.pth")}, small), []string{"checkpoint.pth", "not those of a network", "weights inspect"}},
	} {
		fails(t, c.code, c.args, c.want...)
	}
	if b, _ := os.ReadFile(there); string(b) != "mine" {
		t.Error("a file that was there is lost")
	}
}
