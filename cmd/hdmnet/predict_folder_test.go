package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/model"
)

// TestPredictFolder: several classes from folders, from annotations and from a custom data
// set; what is written is a custom data set again; bad input and other settings.
func TestPredictFolder(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	for _, folder := range []string{"photos/more", "supports/cup", "supports/plate", "annotated"} {
		if err := os.MkdirAll(at(folder), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	photo(t, at("photos/a.jpg"), 40, 30)
	photo(t, at("photos/more/b.jpg"), 30, 40)
	for _, class := range []string{"cup", "plate"} {
		photo(t, at("supports/"+class+"/s.jpg"), 40, 30)
		classMask(t, at("supports/"+class+"/s_mask.png"), 40, 30, 1)
	}
	weights := untrainedWeights(t, model.Options{Backbone: "tiny", BaseClasses: 8, Shots: 1}, nil)
	base := []string{"predict", "--weights", weights, "--config", "custom_resnet50", "--set", "model.backbone=tiny", "--set", "model.size=33", "--query-dir", at("photos")}
	run := func(out string, more ...string) (string, string, int) {
		return hdmnet(t, append(append(base, "--out", at(out)), more...)...)
	}

	out, errs, code := run("png", "--support-dir", at("supports"), "--save-overlays")
	if code != ui.ExitOK || !strings.Contains(errs, "looking for cup (1 support), plate (1 support)") || !strings.Contains(out, "in 2 pictures") {
		t.Fatalf("code %d: %s%s", code, out, errs)
	}
	if out, errs, code := hdmnet(t, "data", "verify", "--config", "custom_resnet50", "--data-root", at("png"), "--list", "list.txt", "--set", "dataset.folds=2"); !strings.Contains(out+errs, "2 pairs") {
		t.Errorf("the data set that was written: code %d: %s%s", code, out, errs)
	}

	// The set serves as supports; COCO's and LabelMe's formats do, too.
	if _, errs, code := run("again", "--support-dir", at("png"), "--format", "yolo"); code != ui.ExitOK && !strings.Contains(errs, "no mask of") {
		t.Errorf("code %d: %s", code, errs)
	}
	photo(t, at("annotated/s.jpg"), 40, 30)
	polygon := []float64{2, 2, 30, 2, 30, 20, 2, 20}
	cocoFile, _ := json.Marshal(map[string]any{
		"images":      []any{map[string]any{"id": 1, "file_name": "s.jpg", "height": 30, "width": 40}},
		"categories":  []any{map[string]any{"id": 5, "name": "bowl"}},
		"annotations": []any{map[string]any{"id": 1, "image_id": 1, "category_id": 5, "iscrowd": 0, "segmentation": [][]float64{polygon}}},
	})
	labelMe, _ := json.Marshal(map[string]any{"imagePath": "s.jpg", "imageHeight": 30, "imageWidth": 40, "shapes": []any{
		map[string]any{"label": "bowl", "shape_type": "polygon", "points": [][2]float64{{2, 2}, {30, 2}, {30, 20}, {2, 20}}}}})
	for name, content := range map[string][]byte{"coco.json": cocoFile, "annotated/s.json": labelMe} {
		if err := os.WriteFile(at(name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var results []string
	for name, args := range map[string][]string{
		"from-coco":    {"--support-file", at("coco.json"), "--support-images", at("annotated")},
		"from-labelme": {"--support-dir", at("annotated")},
	} {
		_, errs, code := run(name, append(args, "--format", "coco")...)
		if code != ui.ExitOK || !strings.Contains(errs, "looking for bowl (1 support)") {
			t.Errorf("%s, code %d: %s", name, code, errs)
		}
		b, err := os.ReadFile(at(name + "/annotations.json"))
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, string(b))
	}
	if results[0] != results[1] {
		t.Error("one object, annotated in two formats, gives other results")
	}

	// Bad input.
	if err := os.WriteFile(at("photos/c.jpg"), []byte("not a picture"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, errs, code = run("png", "--support-dir", at("supports"), "--save-overlays")
	if code != ui.ExitError || !strings.Contains(errs, "2 pictures were done before") || !strings.Contains(errs, "1 of 3 pictures could not be read") {
		t.Errorf("code %d: %s", code, errs)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--support-dir", at("supports"), "--threshold", "0.7", "--out", at("png")}, "other settings (threshold 0.5, now 0.7)"},
		{[]string{"--support-dir", at("supports"), "--threshold", "1.5", "--out", at("x")}, "--threshold 1.5"},
		{[]string{"--support-dir", at("supports"), "--min-area", "-1", "--out", at("x")}, "--min-area -1"},
		{[]string{"--support-dir", at("supports"), "--format", "voc", "--out", at("x")}, "png, coco, labelme, yolo"},
		{[]string{"--support-dir", at("supports"), "--query", at("photos/a.jpg"), "--out", at("x")}, "either --query"},
		{[]string{"--out", at("x")}, "one of --support image:mask, --support-dir DIR and --support-file FILE"},
		{[]string{"--support-dir", at("supports"), "--out", at("photos")}, "is not empty"},
	} {
		fails(t, ui.ExitUsage, append(base, c.args...), c.want)
	}
	fails(t, ui.ExitUsage, []string{"predict", "--weights", weights, "--support", "a:b", "--query", "c", "--out", "d", "--format", "coco"}, "--format goes with --query-dir")
}
