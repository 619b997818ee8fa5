package main

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/cpu"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/vit"
	"hdmnet/internal/weights"
)

// encoderWeights saves an encoder with random weights.
func encoderWeights(t *testing.T, name string, drop string) string {
	t.Helper()
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	spec, _ := vit.Find(name)
	set := nn.NewSet(dev, vit.New(spec), 3)
	defer set.Close()
	var kept []weights.Tensor
	for _, w := range set.Tensors() {
		if w.Name == drop {
			continue
		}
		for i := range w.Float32 { // far from nothing, so that pictures differ
			if len(w.Shape) == 2 {
				w.Float32[i] *= 3
			}
		}
		kept = append(kept, w)
	}
	path := filepath.Join(t.TempDir(), name+".safetensors")
	if err := weights.Save(path, kept, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// square writes a picture with a colored square on a gray ground, and its mask.
func square(t *testing.T, path string, side, x0, y0, size int, c color.NRGBA) (picture, mask string) {
	t.Helper()
	img, m := image.NewNRGBA(image.Rect(0, 0, side, side)), image.NewGray(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			img.SetNRGBA(x, y, color.NRGBA{120, 120, 120, 255})
			if x >= x0 && x < x0+size && y >= y0 && y < y0+size {
				img.SetNRGBA(x, y, c)
				m.SetGray(x, y, color.Gray{1})
			}
		}
	}
	for name, img := range map[string]image.Image{path + ".png": img, path + "_mask.png": m} {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, img); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return path + ".png", path + "_mask.png"
}

// insid3Small makes a small input.
var insid3Small = []string{"--method", "insid3", "--device", "cpu", "--set", "insid3.size=128", "--set", "insid3.components=8"}

// TestPredictINSID3: a square of one color is found by an encoder that was never trained; a
// folder of several classes; what is wrong.
func TestPredictINSID3(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	red, blue := color.NRGBA{230, 30, 20, 255}, color.NRGBA{20, 40, 220, 255}
	support, mask := square(t, at("s/red"), 128, 16, 16, 64, red)
	query, truth := square(t, at("q/photo"), 256, 96, 64, 128, red)
	for _, encoder := range []string{"dinov3_tiny16", "dinov2_tiny14"} {
		w := encoderWeights(t, encoder, "")
		args := with([]string{"predict", "--weights", w, "--support", support + ":" + mask, "--query", query, "--out", at("out " + encoder), "--save-logits"}, insid3Small)
		if encoder == "dinov2_tiny14" {
			args = append(args, "--set", "insid3.size=126")
		}
		out, errs, code := hdmnet(t, args...)
		if code != ui.ExitOK || !strings.Contains(out, "photo_mask.png") || !strings.Contains(errs, encoder) {
			t.Fatalf("code %d: %s%s", code, out, errs)
		}
		if v := iou(t, at("out "+encoder+"/photo_mask.png"), truth); v < 0.8 {
			t.Errorf("%s: IoU %.2f with the square", encoder, v)
		}
	}

	w := encoderWeights(t, "dinov3_tiny16", "")
	square(t, at("classes/red/a"), 128, 16, 16, 64, red)
	square(t, at("classes/blue/b"), 128, 48, 32, 64, blue)
	square(t, at("photos/one"), 128, 32, 32, 64, red)
	square(t, at("photos/two"), 128, 32, 32, 64, blue)
	for _, name := range []string{"one", "two"} {
		if err := os.Remove(at("photos/" + name + "_mask.png")); err != nil {
			t.Fatal(err)
		}
	}
	folder := with([]string{"predict", "--weights", w, "--support-dir", at("classes"), "--query-dir", at("photos"), "--out", at("found"), "--format", "coco"}, insid3Small)
	out, errs, code := hdmnet(t, folder...)
	if code != ui.ExitOK || !strings.Contains(out, "in 2 pictures") {
		t.Fatalf("code %d: %s%s", code, out, errs)
	}
	var coco struct {
		Annotations []struct {
			Category int `json:"category_id"`
			Image    int `json:"image_id"`
		}
	}
	if err := json.Unmarshal(read(t, at("found/annotations.json")), &coco); err != nil || len(coco.Annotations) < 2 {
		t.Errorf("%v: %v", coco, err)
	}
	if _, errs, code := hdmnet(t, with(folder, []string{"--set", "insid3.merge=0.3"})...); code != ui.ExitUsage || !strings.Contains(errs, "other settings") {
		t.Errorf("another merge in the same folder: code %d: %s", code, errs)
	}

	one := with([]string{"predict", "--support", support + ":" + mask, "--query", query, "--out", at("bad")}, insid3Small)
	fails(t, ui.ExitUsage, one, "--weights")
	fails(t, ui.ExitUsage, with(one, []string{"--run", "x"}), "no run", "--weights FILE")
	fails(t, ui.ExitUsage, with(one, []string{"--weights", w, "--method", "magic"}), `"magic"`, "hdmnet, insid3, prototypes")
	fails(t, ui.ExitUsage, with(one, []string{"--weights", w, "--tta", "flip"}), "--tta", "--method hdmnet")
	fails(t, ui.ExitUsage, with(one, []string{"--weights", w, "--set", "insid3.size=100"}), "insid3.size is 100", "multiples of 16", "nearest is 96")
	fails(t, ui.ExitUsage, with(one, []string{"--weights", w, "--set", "insid3.components=128"}), "insid3.components is 128", "fewer than")
	fails(t, ui.ExitError, with(one, []string{"--weights", w, "--method", "hdmnet"}), "not a whole HDMNet", "--method insid3 or prototypes")
	half := encoderWeights(t, "dinov3_tiny16", "layer.2.mlp.up_proj.weight")
	fails(t, ui.ExitError, with(one, []string{"--weights", half}), half, "missing", "layer.2.mlp.up_proj.weight")
	part := write(t, at("model-00001-of-00002.safetensors"), read(t, half))
	fails(t, ui.ExitError, with(one, []string{"--weights", part}), part, "missing", "several files", "max_shard_size")
	other := untrainedWeights(t, model.Options{Backbone: "tiny", BaseClasses: 8, Shots: 1}, nil)
	fails(t, ui.ExitUsage, with(one, []string{"--weights", other}), "HDMNet", "--method insid3 takes an encoder")
}

// iou is that of two masks.
func iou(t *testing.T, a, b string) float64 {
	t.Helper()
	var both, either float64
	x, y := picture(t, a), picture(t, b)
	for j := range x.Bounds().Dy() {
		for i := range x.Bounds().Dx() {
			p, _, _, _ := x.At(i, j).RGBA()
			q, _, _, _ := y.At(i, j).RGBA()
			if p > 0 && q > 0 {
				both++
			}
			if p > 0 || q > 0 {
				either++
			}
		}
	}
	return both / either
}

func picture(t *testing.T, path string) image.Image {
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
	return img
}

// TestEvalINSID3: an encoder on a fold, on all folds and on a set of one's own; the scores of
// single episodes; what is wrong.
func TestEvalINSID3(t *testing.T) {
	dir := t.TempDir()
	w := encoderWeights(t, "dinov3_tiny16", "")
	args := with([]string{"eval", "--weights", w, "--seeds", "1,2", "--episodes", "3", "--json", "--set", "eval.batch=2"}, insid3Small, small[:8])
	saved := filepath.Join(dir, "r.jsonl")
	var scores []string
	for _, more := range [][]string{{"--save-results", saved}, {"--feature-cache", "0"}, {"--shots", "2", "--refine", "guided", "--boundary-iou"}} {
		out, errs, code := hdmnet(t, with(args, []string{"--fold", "1"}, more)...)
		if code != ui.ExitOK {
			t.Fatalf("%v: code %d: %s", more, code, errs)
		}
		v := decode(t, out)
		if v["method"] != "insid3" || v["backbone"] != "dinov3_tiny16" || v["episodes_total"] != 6.0 || v["miou_meta"] != nil || v["miou_base"] != nil {
			t.Errorf("%v: %s", more, out)
		}
		scores = append(scores, fmt.Sprint(v["miou"], v["fb_iou"], v["per_class"]))
	}
	if scores[0] != scores[1] {
		t.Errorf("with kept features %s, without %s", scores[0], scores[1])
	}
	if n := strings.Count(string(read(t, saved)), "\n"); n != 7 {
		t.Errorf("%d lines of results", n)
	}
	out, errs, code := hdmnet(t, with(args, []string{"--fold", "all", "--shots", "1"})...)
	if v := decode(t, out); code != ui.ExitOK || v["fold"] != "all" || len(v["folds"].([]any)) != 4 {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
	fails(t, ui.ExitUsage, args, "--fold")
	fails(t, ui.ExitUsage, with(args, []string{"--gfss"}), "--gfss", "insid3")
	fails(t, ui.ExitUsage, with(args, []string{"--untrained"}), "--untrained", "insid3")
}
