package main

import (
	"fmt"
	"image/color"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
)

// prototypesSmall makes a small input.
var prototypesSmall = []string{"--method", "prototypes", "--device", "cpu", "--set", "prototypes.size=128", "--set", "prototypes.clusters=3"}

// TestPrototypes: --method prototypes finds a square by its color in a picture and in a folder;
// scores are the same with kept features and without; what is wrong.
func TestPrototypes(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	red := color.NRGBA{230, 30, 20, 255}
	support, mask := square(t, at("s/red"), 128, 16, 16, 64, red)
	query, truth := square(t, at("q/photo"), 256, 96, 64, 128, red)
	w := encoderWeights(t, "dinov3_tiny16", "")
	one := with([]string{"predict", "--weights", w, "--support", support + ":" + mask, "--support", query + ":" + truth, "--query", query}, prototypesSmall)
	if out, errs, code := hdmnet(t, with(one, []string{"--out", at("out")})...); code != ui.ExitOK || !strings.Contains(errs, "prototypes with 3 clusters") {
		t.Fatalf("code %d: %s%s", code, out, errs)
	}
	if v := iou(t, at("out/photo_mask.png"), truth); v < 0.8 {
		t.Errorf("IoU %.2f with the square", v)
	}
	folder := with([]string{"predict", "--weights", w, "--support", support + ":" + mask, "--query-dir", at("q"), "--out", at("found")}, prototypesSmall)
	if out, errs, code := hdmnet(t, folder...); code != ui.ExitOK || !strings.Contains(out, "in 2 pictures") {
		t.Fatalf("code %d: %s%s", code, out, errs)
	}
	if _, errs, code := hdmnet(t, with(folder, []string{"--set", "prototypes.clusters=4"})...); code != ui.ExitUsage || !strings.Contains(errs, "other settings") {
		t.Errorf("other clusters in the same folder: code %d: %s", code, errs)
	}
	if _, errs, code := hdmnet(t, with(folder, []string{"--set", "prototypes.size=160"})...); code != ui.ExitUsage || !strings.Contains(errs, "other settings") {
		t.Errorf("another size in the same folder: code %d: %s", code, errs)
	}
	fails(t, ui.ExitUsage, with(one, []string{"--out", at("bad"), "--set", "prototypes.size=100"}), "prototypes.size is 100", "multiples of 16", "nearest is 96")
	fails(t, ui.ExitUsage, with(one, []string{"--out", at("bad"), "--set", "prototypes.clusters=0"}), "prototypes.clusters")

	fails(t, ui.ExitUsage, with([]string{"eval", "--weights", w, "--config", "coco20i_resnet50", "--data-root", dir, "--fold", "0"}, prototypesSmall),
		"no list of its pictures", dir, "--list FILE", "dataset.val_list")
	missing := with([]string{"predict", "--weights", w, "--support", support + ":" + mask, "--query-dir", at("none"), "--out", at("bad")}, prototypesSmall)
	fails(t, ui.ExitError, missing, at("none"), "check --query-dir")

	args := with([]string{"eval", "--weights", w, "--seeds", "1,2", "--episodes", "3", "--json", "--fold", "1"}, prototypesSmall, small[:8])
	var scores []string
	for _, more := range [][]string{nil, {"--feature-cache", "0"}, {"--shots", "5", "--set", "dataset.synth_val=120"}} {
		out, errs, code := hdmnet(t, with(slices.Clone(args), more)...)
		if code != ui.ExitOK {
			t.Fatalf("%v: code %d: %s", more, code, errs)
		}
		v := decode(t, out)
		if v["method"] != "prototypes" || v["episodes_total"] != 6.0 || v["miou"] == 0.0 {
			t.Errorf("%v: %s", more, out)
		}
		scores = append(scores, fmt.Sprint(v["miou"], v["fb_iou"], v["per_class"]))
	}
	if scores[0] != scores[1] {
		t.Errorf("with kept features %s, without %s", scores[0], scores[1])
	}
}
