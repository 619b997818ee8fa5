package main

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/onnx"
	"hdmnet/internal/synth"
	"hdmnet/internal/weights"
)

// exported is what a file says of itself.
func exported(t *testing.T, path string) *onnx.Info {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	i, err := onnx.Inspect(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return i
}

// TestExportONNX: the files, what they say, and what is refused.
func TestExportONNX(t *testing.T) {
	dir := t.TempDir()
	one, five := untrainedWeights(t, tiny(1), map[string]string{"fold": "2", "shots": "1"}), untrainedWeights(t, tiny(5), nil)
	net := filepath.Join(dir, "net.onnx")
	out := runs(t, with([]string{"export", "onnx", "--weights", one, "--out", net}, small)...)
	for _, want := range []string{"net.onnx: hdmnet, opset 17", "net_encode_support.onnx: encode_support", "query [queries,3,33,33]", "logits [queries,2,height,width]"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	i := exported(t, net)
	for key, want := range map[string]string{"size": "33", "mean": "123.675,116.28,103.53", "std": "58.395,57.120003,57.375", "shots": "any", "shot_fusion": "scaled", "fold": "2", "backbone": "tiny"} {
		if got := i.Metadata[key]; got != want {
			t.Errorf("metadata %s is %q, want %q", key, got, want)
		}
	}
	segment := exported(t, filepath.Join(dir, "net_segment_query.onnx"))
	if segment.Inputs[1] != "prior_head [support_sets,shots,64,prior_positions]" || segment.Outputs[0] != i.Outputs[0] {
		t.Errorf("%q %q", segment.Inputs, segment.Outputs)
	}

	again := []string{"export", "onnx", "--weights", five, "--out", net, "--size", "65", "--config", "shapes5i"}
	fails(t, ui.ExitUsage, again, "net.onnx is there already", "--force")
	runs(t, append(again, "--force")...)
	if got := exported(t, net); got.Metadata["shots"] != "5" || got.Inputs[1] != "support [support_sets,5,3,65,65]" || got.Metadata["shot_fusion"] != "joint" {
		t.Errorf("%v %q", got.Metadata, got.Inputs)
	}
	runs(t, append(again, "--force", "--shots", "2", "--graph", "whole")...)
	if got := exported(t, net); got.Metadata["shots"] != "2" || got.Metadata["shot_fusion"] != "scaled" {
		t.Errorf("%v", got.Metadata)
	}

	other := filepath.Join(dir, "other.onnx")
	call := func(more ...string) []string {
		return with([]string{"export", "onnx", "--weights", one, "--out", other}, small, more)
	}
	fails(t, ui.ExitUsage, call("--shot-fusion", "vote"), "one support", "average")
	fails(t, ui.ExitUsage, []string{"export", "onnx", "--weights", one, "--out", other, "--size", "64"}, "use 57 or 65")
	fails(t, ui.ExitUsage, call("--shots", "0"), "expected a number from 1")
	fails(t, ui.ExitUsage, call("--graph", "half"), `--graph "half"`)
	fails(t, ui.ExitUsage, call("--run", dir), "either --run DIR or --weights FILE")
	fails(t, ui.ExitUsage, []string{"export", "onnx", "--weights", one}, "--out net.onnx")
	fails(t, ui.ExitUsage, []string{"export", "onnx", "--weights", one, "--out", "net.pth"}, "ends in .onnx")
	fails(t, ui.ExitUsage, []string{"export", "tflite"}, `unknown command "tflite"`)
	fails(t, ui.ExitError, []string{"export", "onnx", "--weights", filepath.Join(dir, "none.pth"), "--out", other}, "none.pth")
	if _, err := os.Stat(other); err == nil {
		t.Error("a refused export leaves a file")
	}
}

// TestSegmentONNX: the Python example finds in a picture of any size what predict finds.
func TestSegmentONNX(t *testing.T) {
	python := os.Getenv("HDMNET_TEST_PYTHON")
	if python == "" {
		python = "python3"
	}
	if out, err := exec.Command(python, "-c", "import numpy, PIL, onnxruntime").CombinedOutput(); err != nil {
		if os.Getenv("HDMNET_TEST_PYTHON") != "" {
			t.Fatalf("HDMNET_TEST_PYTHON=%s: %v: %s", python, err, out)
		}
		t.Skip("no Python with numpy, pillow and onnxruntime; name one in HDMNET_TEST_PYTHON")
	}
	dir := t.TempDir()
	file := syntheticWeights(t)
	net, mask := filepath.Join(dir, "net.onnx"), filepath.Join(dir, "mask.png")
	runs(t, "export", "onnx", "--weights", file, "--out", net, "--graph", "whole", "--size", "129")
	real := filepath.Join("..", "..", "testdata", "real-mini")
	picture := func(id string) string {
		return filepath.Join(real, "images", id+".jpg") + ":" + filepath.Join(real, "masks", id+".png")
	}
	query := filepath.Join(real, "images", "000000006818.jpg")
	supports := []string{picture("000000542145"), picture("000000006818")}
	if out, err := exec.Command(python, append([]string{"../../scripts/segment_onnx.py", net, query, mask}, supports...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	runs(t, "predict", "--weights", file, "--query", query, "--support", supports[0], "--support", supports[1], "--out", dir,
		"--set", "model.size=129", "--set", "device=cpu")
	got, want := pixels(t, mask), pixels(t, filepath.Join(dir, "000000006818_mask.png"))
	if len(got) != len(want) {
		t.Fatalf("%d pixels, want %d", len(got), len(want))
	}
	differ := 0
	for i := range want {
		if got[i] != want[i] {
			differ++
		}
	}
	if share := float64(bytes.Count(want, []byte{255})) / float64(len(want)); share < 0.01 || share > 0.99 {
		t.Errorf("the object is %.3f of the picture: that tells nothing", share)
	}
	if differ > len(want)/1000 {
		t.Errorf("%d of %d pixels differ", differ, len(want))
	}
}

// syntheticWeights are those of a small network that finds something somewhere.
func syntheticWeights(t *testing.T) string {
	t.Helper()
	f, err := weights.Open(untrainedWeights(t, tiny(1), nil))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []weights.Tensor
	for _, name := range f.Names() {
		shape, _ := f.Shape(name)
		if f.Dtype(name) == "F32" {
			all = append(all, weights.Tensor{Name: name, Shape: shape, Float32: synth.Param(name, shape)})
		}
	}
	path := filepath.Join(t.TempDir(), "synthetic.safetensors")
	if err := weights.Save(path, all, map[string]string{"shots": "1"}); err != nil {
		t.Fatal(err)
	}
	return path
}

// pixels reads a gray PNG.
func pixels(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img.(*image.Gray).Pix
}
