package main

import (
	"bytes"
	"context"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cli/root"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/cpu"
	"hdmnet/internal/nn"
	"hdmnet/internal/vit"
	"hdmnet/internal/weights"
)

// encoderFile saves a new encoder.
func encoderFile(t *testing.T, name string) string {
	t.Helper()
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	spec, _ := vit.Find(name)
	e := vit.New(spec)
	set := nn.NewSet(dev, e, 3)
	defer set.Close()
	path := filepath.Join(t.TempDir(), "encoder.safetensors")
	if err := weights.Save(path, set.Tensors(), nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// tensorsOf are the floats of a file of weights.
func tensorsOf(t *testing.T, path string) map[string][]float32 {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	values := map[string][]float32{}
	for _, name := range f.Names() {
		if f.Dtype(name) != "F32" {
			continue
		}
		v, _, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		values[name] = v
	}
	return values
}

// TestEncoder: HDMNet on the features of a vision transformer, from training in two stages to
// prediction. The encoder stays what its file says, in all files that come of it.
func TestEncoder(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct{ name, size string }{{"dinov2_tiny14", "70"}, {"dinov3_tiny16", "80"}} {
		file := encoderFile(t, c.name)
		sizes := []string{"--set", "model.backbone=" + c.name, "--set", "model.size=" + c.size, "--set", "train.base.size=" + c.size, "--set", "backbone.weights=" + file}
		run := "run_" + c.name
		train := with([]string{"train", "--fold", "1"}, short, sizes, []string{"--set", "train.base.max_steps=3", "--set", "train.meta.max_steps=2"})
		runs(t, with(train, []string{"--out", run})...)
		for _, trained := range []string{"base.safetensors", "best.safetensors"} {
			path := filepath.Join(run, trained)
			for name, v := range tensorsOf(t, file) {
				if got := tensorsOf(t, path)["vit."+name]; !slices.Equal(got, v) {
					t.Fatalf("%s: %s is not that of the encoder's file", path, name)
				}
			}
		}
		out := runs(t, "weights", "inspect", filepath.Join(run, "best.safetensors"), "--json")
		if v := decode(t, out); v["backbone"] != c.name || v["kind"] != "HDMNet" || len(v["missing"].([]any)) != 0 || v["problem"] != "" {
			t.Errorf("inspect: %v", out)
		}

		// A run that was stopped and goes on ends as one that was not.
		stopped := run + "_stopped"
		ctx, cancel := context.WithCancel(context.Background())
		var errs bytes.Buffer
		watch := watcher{&errs, func(text string) {
			if strings.Contains(text, "stage meta: ") {
				cancel()
			}
		}}
		if code := root.Execute(ctx, with(train, []string{"--out", stopped}), ui.Streams{Out: io.Discard, Err: watch}); code != ui.ExitInterrupted {
			t.Fatalf("stopped: code %d, %s", code, errs.String())
		}
		runs(t, "train", "--fold", "1", "--out", stopped, "--resume")
		if a, b := tensorsOf(t, filepath.Join(run, "best.safetensors")), tensorsOf(t, filepath.Join(stopped, "best.safetensors")); !maps.EqualFunc(a, b, slices.Equal) {
			t.Errorf("%s: resumed, it has other weights", c.name)
		}

		score := func(args ...string) any {
			t.Helper()
			return decode(t, runs(t, with([]string{"eval", "--json", "--run", run, "--episodes", "6"}, args)...))["miou"]
		}
		if a, b := score(), score("--feature-cache", "0"); a != b {
			t.Errorf("with a feature cache it scores %v, without %v", a, b)
		}
		score("--shots", "2", "--tta", "flip,scales=1,1.3")
		support := photo(t, "s.jpg", 50, 40) + ":" + classMask(t, "s.png", 50, 40, 1)
		runs(t, "predict", "--run", run, "--support", support, "--query", photo(t, "q.jpg", 30, 70), "--out", "o_"+c.name)
		fails(t, ui.ExitUsage, []string{"export", "onnx", "--run", run, "--out", "n.onnx"}, "vision transformer")
		fails(t, ui.ExitError, with(train, []string{"--out", "other_" + c.name, "--set", "model.backbone=dinov2_tiny14_reg", "--set", "model.size=70", "--set", "train.base.size=70"}), file, c.name)
	}
	fails(t, ui.ExitUsage, with([]string{"train", "--fold", "1", "--out", "x"}, small, []string{"--set", "model.backbone=dinov2_tiny14"}), "model.size is 33", "use 28 or 42")
}
