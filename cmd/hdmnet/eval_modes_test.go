package main

import (
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/cpu"
	"hdmnet/internal/model"
	"hdmnet/internal/nn"
	"hdmnet/internal/weights"
)

func TestGFSS(t *testing.T) {
	w := untrainedWeights(t, tiny(1), map[string]string{"fold": "1"})
	args := with([]string{"eval", "--weights", w, "--gfss", "--episodes", "6", "--seeds", "3,4"}, small)
	out, errs, code := hdmnet(t, append(args, "--tau", "0.5", "--json")...)
	if code != 0 {
		t.Fatalf("code %d: %s", code, errs)
	}
	v := decode(t, out)
	for key, want := range map[string]any{"tau": 0.5, "merge": "final", "episodes": 6.0, "episodes_total": 12.0, "fold": 1.0, "annotation": "mask"} {
		if v[key] != want {
			t.Errorf("%s is %v, want %v", key, v[key], want)
		}
	}
	for _, key := range []string{"miou_novel", "miou_novel_std", "miou_base", "miou_all", "miou_all_std"} {
		if s, ok := v[key].(float64); !ok || s < 0 || s > 1 {
			t.Errorf("%s is %v", key, v[key])
		}
	}
	if per := v["per_class"].(map[string]any); len(per) < 6 {
		t.Errorf("classes %v", per)
	}

	// `base` first can only take pixels from the novel class; an untrained network never
	// reaches 0.9.
	out, _, code = hdmnet(t, append(args, "--tau", "0.5", "--merge", "base", "--json")...)
	if b := decode(t, out); code != 0 || b["novel_pixels"].(float64) >= v["novel_pixels"].(float64) {
		t.Errorf("novel pixels: %v with base first, %v with final", b["novel_pixels"], v["novel_pixels"])
	}
	out, errs, code = hdmnet(t, append(args, "--tau", "0.99")...)
	if code != 0 || !strings.Contains(out, "τ = 0.99, merge final") || !strings.Contains(errs, "lower --tau") {
		t.Errorf("table: code %d\n%s%s", code, out, errs)
	}

	// The episodes can be saved and scored again.
	file := filepath.Join(t.TempDir(), "gfss.jsonl")
	if _, errs, code = hdmnet(t, append(args, "--tau", "0.5", "--save-episodes", file)...); code != 0 {
		t.Fatal(errs)
	}
	out, errs, code = hdmnet(t, with([]string{"eval", "--weights", w, "--gfss", "--tau", "0.5", "--episodes-file", file, "--json"}, small)...)
	if code != 0 || decode(t, out)["miou_all"] != v["miou_all"] {
		t.Errorf("replayed: code %d, %s%s; want mIoU %v", code, out, errs, v["miou_all"])
	}
}

func TestAnnotation(t *testing.T) {
	w := untrainedWeights(t, tiny(1), map[string]string{"fold": "1"})
	args := with([]string{"eval", "--weights", w, "--episodes", "3", "--seeds", "3"}, small)
	for kind, in := range map[string]string{"mask": "1-shot, trained\n", "bbox": "supports marked by bbox"} {
		out, errs, code := hdmnet(t, append(args, "--ann-type", kind, "--json")...)
		if code != 0 || decode(t, out)["annotation"] != kind {
			t.Errorf("%s: code %d, %s%s", kind, code, out, errs)
		}
		if out, _, _ = hdmnet(t, append(args, "--ann-type", kind)...); !strings.Contains(out, in) {
			t.Errorf("table:\n%s", out)
		}
	}
}

// TestEvalBase: a PSPNet and the HDMNet that took it over give the same scores, over all
// pictures.
func TestEvalBase(t *testing.T) {
	dir := t.TempDir()
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	psp, err := model.NewPSPNet(tiny(1))
	if err != nil {
		t.Fatal(err)
	}
	pspSet := nn.NewSet(dev, psp, 5)
	defer pspSet.Close()
	pspFile := filepath.Join(dir, "base.safetensors")
	if err := weights.Save(pspFile, pspSet.Tensors(), map[string]string{"fold": "2"}); err != nil {
		t.Fatal(err)
	}
	hdm, err := model.NewHDMNet(tiny(1))
	if err != nil {
		t.Fatal(err)
	}
	hdmSet := nn.NewSet(dev, hdm, 6)
	defer hdmSet.Close()
	f, err := weights.Open(pspFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := hdm.LoadBase(hdmSet, f); err != nil {
		t.Fatal(err)
	}
	hdmFile := filepath.Join(dir, "best.safetensors")
	if err := weights.Save(hdmFile, hdmSet.Tensors(), map[string]string{"fold": "2"}); err != nil {
		t.Fatal(err)
	}

	args := func(file string, more ...string) []string {
		return with([]string{"eval", "--stage", "base", "--weights", file, "--set", "train.base.size=33"}, small, more)
	}
	var reports []map[string]any
	for _, file := range []string{pspFile, hdmFile} {
		out, errs, code := hdmnet(t, args(file, "--json")...)
		if code != 0 {
			t.Fatal(errs)
		}
		reports = append(reports, decode(t, out))
	}
	a, b := reports[0], reports[1]
	if a["pictures"] != 40.0 || a["fold"] != 2.0 || a["stage"] != "base" || a["size"] != 33.0 {
		t.Errorf("report %v", a)
	}
	for _, key := range []string{"miou", "miou_with_background"} {
		if a[key] != b[key] || a[key].(float64) < 0 || a[key].(float64) > 1 {
			t.Errorf("%s: %v of PSPNet, %v of HDMNet", key, a[key], b[key])
		}
	}
	if a["miou"] == a["miou_with_background"] || len(a["per_class"].(map[string]any)) < 10 {
		t.Errorf("report %v", a)
	}
	out, _, code := hdmnet(t, args(hdmFile)...)
	if code != 0 || !strings.Contains(out, "40 pictures at 33×33") || !strings.Contains(out, "with background") {
		t.Errorf("table: code %d\n%s", code, out)
	}
}

func TestEvalModesUsage(t *testing.T) {
	w := untrainedWeights(t, tiny(1), map[string]string{"fold": "2"})
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--tau", "0.5"}, []string{"--tau goes with --gfss"}},
		{[]string{"--merge", "base"}, []string{"--merge goes with --gfss"}},
		{[]string{"--gfss", "--tau", "1"}, []string{"--tau is 1", "between 0 and 1"}},
		{[]string{"--gfss", "--tau", "NaN"}, []string{`"NaN" for "--tau"`, "decimal"}},
		{[]string{"--gfss", "--merge", "meta"}, []string{`"meta"`, "final or base"}},
		{[]string{"--stage", "all"}, []string{`"all"`, "base or meta"}},
		{[]string{"--stage", "base", "--gfss"}, []string{"leave --gfss out"}},
		{[]string{"--stage", "base", "--episodes", "3"}, []string{"leave --episodes out"}},
		{[]string{"--ann-type", "box"}, []string{"dataset.annotation", "mask", "bbox"}},
	} {
		fails(t, ui.ExitUsage, with([]string{"eval", "--weights", w}, c.args), c.want...)
	}
}
