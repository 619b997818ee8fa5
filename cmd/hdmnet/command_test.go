package main

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/cli/root"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/cpu"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/weights"
)

// hdmnet runs a command line and returns what it wrote and its exit code.
func hdmnet(t *testing.T, args ...string) (out, errs string, code int) {
	t.Helper()
	return hdmnetEnv(t, nil, args...)
}

func hdmnetEnv(t *testing.T, env []string, args ...string) (out, errs string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = root.Execute(context.Background(), args, ui.Streams{Out: &o, Err: &e, Env: env})
	return o.String(), e.String(), code
}

// fails runs a command line that must fail with a code, one message on the error stream
// that holds all of want, and nothing on the output.
func fails(t *testing.T, code int, args []string, want ...string) {
	t.Helper()
	out, errs, got := hdmnet(t, args...)
	line := strings.Join(args, " ")
	if got != code {
		t.Errorf("%s: exit code %d, want %d; %s", line, got, code, errs)
	}
	if out != "" || strings.Count(errs, "hdmnet: ") != strings.Count(errs, "hdmnet: warning: ")+1 || strings.Contains(errs, "Usage:") {
		t.Errorf("%s: want one message, got %q and output %q", line, errs, out)
	}
	for _, w := range want {
		if !strings.Contains(errs, w) {
			t.Errorf("%s: the message should say %q: %s", line, w, errs)
		}
	}
}

// small are the settings of a data set and a network that take no time.
var small = []string{
	"--set", "dataset.synth_size=64", "--set", "dataset.synth_train=60", "--set", "dataset.synth_val=40",
	"--set", "dataset.min_area=20", "--set", "model.size=33", "--set", "device=cpu",
}

func with(args ...[]string) []string {
	var all []string
	for _, a := range args {
		all = append(all, a...)
	}
	return all
}

// untrainedWeights saves a freshly initialized network of shapes5i.
func untrainedWeights(t *testing.T, o model.Options, meta map[string]string, drop ...string) string {
	t.Helper()
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	net, err := model.NewHDMNet(o)
	if err != nil {
		t.Fatal(err)
	}
	set := nn.NewSet(dev, net, 7)
	defer set.Close()
	var kept []weights.Tensor
	for _, w := range set.Tensors() {
		for _, d := range drop {
			if w.Name == d {
				w.Name = ""
			}
		}
		if w.Name != "" {
			kept = append(kept, w)
		}
	}
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := weights.Save(path, kept, meta); err != nil {
		t.Fatal(err)
	}
	return path
}

func tiny(shots int) model.Options {
	return model.Options{Backbone: "tiny", BaseClasses: 16, Shots: shots}
}

func write(t *testing.T, path string, content []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// photo writes a JPEG with some detail.
func photo(t *testing.T, path string, w, h int) string {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, color.RGBA{uint8(x * 3), uint8(y * 5), uint8(x * y), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return write(t, path, b.Bytes())
}

// classMask writes a mask whose left half is a class.
func classMask(t *testing.T, path string, w, h int, class uint8) string {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		if i%w < w/2 {
			m.Pix[i] = class
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return write(t, path, b.Bytes())
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("no JSON: %v\n%s", err, text)
	}
	return v
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"eval", "--help"}, {"predict", "-h"}, {"config"}, {"config", "show", "--help"}} {
		out, errs, code := hdmnet(t, args...)
		if code != 0 || errs != "" || !strings.Contains(out, "Usage:") {
			t.Errorf("%v: code %d, %q, %q", args, code, out, errs)
		}
	}
}

func TestCompletion(t *testing.T) {
	for flag, want := range map[string]string{"--config": "coco20i_vgg16", "--fold": "all", "--device": "cpu"} {
		if out, _, code := hdmnet(t, "__complete", "eval", flag, ""); code != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: code %d, %s", flag, code, out)
		}
	}
	if out, _, code := hdmnet(t, "completion", "bash"); code != 0 || !strings.Contains(out, "hdmnet") {
		t.Errorf("completion script: code %d, %.100s", code, out)
	}
}

func TestVersion(t *testing.T) {
	out, _, code := hdmnet(t, "version")
	if code != 0 || !strings.Contains(out, "hdmnet ") || !strings.Contains(out, "cpu (") {
		t.Errorf("code %d: %s", code, out)
	}
}

func TestConfig(t *testing.T) {
	out, _, code := hdmnet(t, "config", "list")
	if code != 0 || !strings.Contains(out, "pascal5i_resnet50 ") || !strings.Contains(out, "The default.") {
		t.Errorf("list: code %d\n%s", code, out)
	}
	out, _, code = hdmnetEnv(t, []string{"HDMNET_MODEL_SHOTS=5"}, "config", "show", "coco20i_vgg16", "--set", "model.size=97")
	if code != 0 || !strings.Contains(out, "shots: 5") || !strings.Contains(out, "size: 97") || !strings.Contains(out, "backbone: vgg16") {
		t.Errorf("show: code %d\n%s", code, out)
	}
	again, errs, code := hdmnet(t, "config", "show", write(t, filepath.Join(t.TempDir(), "c.yaml"), []byte(out)))
	if code != 0 || again != out {
		t.Errorf("what show prints is not what it reads: code %d, %s", code, errs)
	}
	if out, _, code = hdmnet(t, "config", "show", "--source"); code != 0 || !strings.HasPrefix(out, "# shapes5i") {
		t.Errorf("source: code %d\n%s", code, out)
	}
	fails(t, ui.ExitUsage, []string{"config", "show", "a", "b"}, `"b"`)
	fails(t, ui.ExitUsage, []string{"config", "show", "nope", "--source"}, "nope", "shapes5i")
	fails(t, ui.ExitUsage, []string{"config", "show", "--source", "--set", "model.size=97"}, "--set")
	fails(t, ui.ExitError, []string{"config", "show", "pascal5i_resnet5"}, "did you mean pascal5i_resnet50")
}

func TestEval(t *testing.T) {
	w := untrainedWeights(t, tiny(1), map[string]string{"fold": "1"})
	args := with([]string{"eval", "--weights", w, "--episodes", "4", "--seeds", "3,4", "--shots", "2"}, small)
	out, errs, code := hdmnet(t, append(args, "--json")...)
	if code != 0 {
		t.Fatalf("code %d: %s", code, errs)
	}
	v := decode(t, out)
	for key, want := range map[string]any{"episodes": 4.0, "episodes_total": 8.0, "shots": 2.0, "fold": 1.0, "dataset": "shapes5i", "untrained": false} {
		if v[key] != want {
			t.Errorf("%s is %v, want %v", key, v[key], want)
		}
	}
	for _, key := range []string{"miou", "miou_std", "fb_iou", "miou_meta", "miou_base"} {
		if s, ok := v[key].(float64); !ok || s < 0 || s > 1 {
			t.Errorf("%s is %v", key, v[key])
		}
	}
	if len(v["per_class"].(map[string]any)) == 0 || len(v["seeds"].([]any)) != 2 || !strings.Contains(v["device"].(string), "cpu") {
		t.Errorf("report %v", v)
	}
	if strings.Count(errs, "all shots weigh alike") != 1 {
		t.Errorf("uniform weights are to be said once: %s", errs)
	}
	again, _, _ := hdmnet(t, append(args, "--json", "--set", "train.workers=1")...)
	if decode(t, again)["miou"] != v["miou"] {
		t.Errorf("another number of workers gives %v, not %v", decode(t, again)["miou"], v["miou"])
	}
	table, _, code := hdmnet(t, append(args, "--untrained")...)
	if code != 0 || !strings.Contains(table, "FB-IoU") || !strings.Contains(table, " ± ") || !strings.Contains(table, "untrained") {
		t.Errorf("table: code %d\n%s", code, table)
	}
	if strings.Contains(errs, "hdmnet: warning") != (v["classes_without_episode"] != nil) {
		t.Errorf("missing classes %v, warnings %q", v["classes_without_episode"], errs)
	}
}

// TestShotFusion: the report says how supports were taken.
func TestShotFusion(t *testing.T) {
	w := untrainedWeights(t, tiny(1), map[string]string{"fold": "1", "shots": "1"})
	score := func(more ...string) (fusion, tta any) {
		t.Helper()
		out, errs, code := hdmnet(t, with([]string{"eval", "--weights", w, "--episodes", "4", "--seeds", "3", "--json"}, small, more)...)
		if code != 0 {
			t.Fatalf("%v: %s", more, errs)
		}
		v := decode(t, out)
		return v["shot_fusion"], v["tta"]
	}
	if fusion, views := score("--shots", "1"); fusion != nil || views != nil {
		t.Errorf("one shot: %v, %v", fusion, views)
	}
	for flag, want := range map[string]string{"auto": "scaled", "joint": "joint", "vote": "vote"} {
		if fusion, _ := score("--shots", "3", "--shot-fusion", flag); fusion != want {
			t.Errorf("%s is %v, want %s", flag, fusion, want)
		}
	}
	out, _, code := hdmnet(t, with([]string{"eval", "--weights", w, "--episodes", "4", "--seeds", "3", "--refine", "guided", "--boundary-iou", "--json"}, small)...)
	if v := decode(t, out); code != 0 || v["refine"] != "guided" || v["boundary_miou"] == nil {
		t.Errorf("refined: code %d, %s", code, out)
	}
	fails(t, ui.ExitUsage, with([]string{"eval", "--weights", w, "--refine", "crf"}, small), `"crf"`, "guided")
	if _, views := score("--tta", "flip,scales=1,1.25"); views != "flip,scales=1,1.25" {
		t.Errorf("views %v", views)
	}
	fails(t, ui.ExitUsage, with([]string{"eval", "--weights", w, "--shot-fusion", "mean"}, small), "model.shot_fusion", "joint")
	fails(t, ui.ExitUsage, with([]string{"eval", "--weights", w, "--tta", "flop"}, small), `"flop"`, "scales=")
	fails(t, ui.ExitUsage, []string{"train", "--fold", "0", "--shots", "5-1"}, "train.meta.shots", "1-5")
	damaged := untrainedWeights(t, tiny(1), map[string]string{"fold": "1", "shots": "many"})
	fails(t, ui.ExitError, with([]string{"eval", "--weights", damaged}, small), damaged, `"many"`)
}

func TestPredict(t *testing.T) {
	dir := t.TempDir()
	w := untrainedWeights(t, tiny(1), nil)
	support := photo(t, filepath.Join(dir, "s.jpg"), 50, 40) + ":" + classMask(t, filepath.Join(dir, "s.png"), 50, 40, 1)
	query := photo(t, filepath.Join(dir, "q.jpg"), 61, 47)
	out := filepath.Join(dir, "out")
	args := with([]string{"predict", "--weights", w, "--query", query, "--out", out, "--support", support}, small)
	text, errs, code := hdmnet(t, append(args, "--support", support, "--save-logits")...)
	if code != 0 || !strings.Contains(text, "q_mask.png") || strings.Count(errs, "all shots weigh alike") != 1 {
		t.Fatalf("code %d: %s%s", code, text, errs)
	}
	for _, name := range []string{"q_mask.png", "q_overlay.png"} {
		f, err := os.Open(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		c, err := png.DecodeConfig(f)
		f.Close()
		if err != nil || c.Width != 61 || c.Height != 47 {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	if info, err := os.Stat(filepath.Join(out, "q_logits.npy")); err != nil || info.Size() != 128+4*2*61*47 {
		t.Errorf("logits: %v, %v", info, err)
	}

	black := classMask(t, filepath.Join(dir, "black.png"), 50, 40, 0)
	_, errs, code = hdmnet(t, append(args, "--support", filepath.Join(dir, "s.jpg")+":"+black)...)
	if code != 0 || !strings.Contains(errs, "warning") || !strings.Contains(errs, black) {
		t.Errorf("empty mask: code %d, %s", code, errs)
	}
	marked := with([]string{"predict", "--weights", w, "--query", query, "--out", filepath.Join(dir, "marked"),
		"--support", filepath.Join(dir, "s.jpg") + ":point=9,9:not=40,30", "--support", filepath.Join(dir, "s.jpg") + ":box=5,5,20,25"}, small)
	text, errs, code = hdmnet(t, marked...)
	if code != 0 || !strings.Contains(errs, "support_s_overlay.png") || !strings.Contains(errs, "15.0% object, wrote "+filepath.Join(dir, "marked", "support_s_2_overlay.png")) {
		t.Errorf("marks: code %d: %s%s", code, text, errs)
	}
	white := classMask(t, filepath.Join(dir, "white.png"), 50, 40, 255)
	_, errs, code = hdmnet(t, append(args, "--support", filepath.Join(dir, "s.jpg")+":"+white)...)
	if code != 0 || !strings.Contains(errs, "--mask-white-is-object") {
		t.Errorf("white mask: code %d, %s", code, errs)
	}
	text, errs, code = hdmnet(t, append(args, "--mask-white-is-object", "--support", filepath.Join(dir, "s.jpg")+":"+white)...)
	if code != 0 || strings.Contains(errs, "warning") || !strings.Contains(errs, "50.0% object, wrote "+filepath.Join(out, "support_s_2_overlay.png")) {
		t.Errorf("white is the object: code %d, %s%s", code, text, errs)
	}
	fails(t, ui.ExitError, append(args, "--support", filepath.Join(dir, "s.jpg")+":box=0,0,60,40"), "s.jpg", "box 0,0,60,40", "50×40")
	other := classMask(t, filepath.Join(dir, "other.png"), 40, 50, 1)
	fails(t, ui.ExitError, append(args, "--support", filepath.Join(dir, "s.jpg")+":"+other), "50×40", "40×50", other)
	cut, err := os.ReadFile(query)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "cut.jpg"), cut[:300])
	for name, want := range map[string]string{"cut.jpg": "cut short", "gone.jpg": "no such file"} {
		bad := with([]string{"predict", "--weights", w, "--query", filepath.Join(dir, name), "--out", out, "--support", support}, small)
		fails(t, ui.ExitError, bad, name, want)
	}
}
