package main

import (
	"bytes"
	"hdmnet/internal/cli/ui"
	"image/png"
	"path/filepath"
	"strings"
	"testing"
)

func TestDataStats(t *testing.T) {
	dir := t.TempDir()
	sheet := filepath.Join(dir, "sheet.PNG")
	out, errs, code := hdmnet(t, with([]string{"data", "stats", "--fold", "1", "--episodes", "3", "--shots", "2", "--out", sheet}, small)...)
	if code != 0 {
		t.Fatalf("code %d: %s", code, errs)
	}
	for _, want := range []string{"shapes5i, fold 1: novel classes", "train: 60 pictures", "val: 40 pictures, 40 queries", "width 64, height 64 pixels", "the first 3 episodes of evaluation with seed 510", sheet} {
		if !strings.Contains(out, want) {
			t.Errorf("the output should say %q:\n%s", want, out)
		}
	}
	picture, err := png.Decode(bytes.NewReader(read(t, sheet)))
	if err != nil || picture.Bounds().Dx() < 3*180 || picture.Bounds().Dy() < 3*180 {
		t.Errorf("sheet: %v, %v", picture, err)
	}

	root := filepath.Join(dir, "set")
	pairs(t, root, "list.txt", 40, 20)
	page := filepath.Join(dir, "page.html")
	disk := []string{"data", "stats", "--config", "pascal5i_resnet50", "--data-root", root, "--list", "list.txt", "--set", "dataset.min_area=64"}
	out, errs, code = hdmnet(t, append(disk, "--fold", "0", "--side", "train", "--out", page)...)
	if code != 0 || !strings.Contains(out, "train: 40 pictures, 30 queries, 30 (class, image) pairs of at least 64 pixels; pictures that show a novel class are dropped") ||
		!strings.Contains(out, "first 6 episodes of training") {
		t.Errorf("code %d\n%s%s", code, out, errs)
	}
	html := string(read(t, page))
	if !strings.Contains(html, "val: 40 pictures, 10 queries") || !strings.Contains(html, "data:image/png;base64,iVBOR") || !strings.Contains(html, "pascal5i, fold 0, train") {
		t.Errorf("page:\n%.3000s", html)
	}

	fails(t, ui.ExitUsage, []string{"data", "stats"}, "--fold")
	fails(t, ui.ExitUsage, []string{"data", "stats", "--fold", "4"}, "fold 4")
	fails(t, ui.ExitUsage, []string{"data", "stats", "--fold", "0", "--split", "test"}, "--split", "test")
	fails(t, ui.ExitUsage, []string{"data", "stats", "--fold", "0", "--episodes", "51"}, "--episodes 51", "1..50")
	fails(t, ui.ExitUsage, []string{"data", "stats", "--fold", "0", "--out", "x.jpg"}, "x.jpg", ".png or .html")
	fails(t, ui.ExitUsage, []string{"data", "stats", "--fold", "0", "--workers", "-1"}, "--workers -1")
	fails(t, ui.ExitUsage, []string{"data", "stats", "--fold", "0", "--config", "pascal5i_resnet50"}, "--data-root", "--list")
	fails(t, ui.ExitUsage, append(disk, "--fold", "0", "--out", page), page, "is there already", "--force")
	_, errs, code = hdmnet(t, append(disk, "--fold", "0", "--shots", "2", "--out", page, "--force")...)
	if code != ui.ExitError || !strings.Contains(errs, "class 1 (aeroplane) has 2") {
		t.Errorf("too few pictures: code %d, %s", code, errs)
	}
	_, errs, code = hdmnet(t, append(disk, "--fold", "0", "--out", filepath.Join(dir, "none", "x.png"))...)
	if code != ui.ExitError || !strings.Contains(errs, "x.png") {
		t.Errorf("no folder: code %d, %s", code, errs)
	}
	_, errs, code = hdmnet(t, "data", "stats", "--config", "pascal5i_resnet50", "--data-root", root, "--train-list", "list.txt", "--fold", "0", "--out", page, "--force")
	if code != ui.ExitUsage || !strings.Contains(errs, "no val list") {
		t.Errorf("no list of that side: code %d, %s", code, errs)
	}
}
