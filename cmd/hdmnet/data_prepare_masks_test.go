package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/cli/ui"
)

// Masks in colors: data verify names the way out, `data prepare masks` goes it, and
// --mask-colors reads them as they are.
func TestPrepareMasks(t *testing.T) {
	cases := "../../internal/picture/testdata/cases"
	dir := t.TempDir()
	copyTo := func(from, to string) {
		content, err := os.ReadFile(filepath.Join(cases, from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, to)), 0o777); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, to), content)
	}
	copyTo("plain.png", "photos/a.png")
	copyTo("j_no_eoi.jpg", "photos/b.jpg")
	copyTo("m_rgb_colors.png", "masks/a.png")
	copyTo("m_rgb_colors.png", "masks/b.png")
	colors := write(t, filepath.Join(dir, "labelmap.txt"), []byte("background:0,0,0::\ncup:176,112,32::\nspoon:48,112,32::\n"))
	classes := write(t, filepath.Join(dir, "classes.txt"), []byte("cup\nspoon\n"))
	list := write(t, filepath.Join(dir, "list.txt"), []byte("photos/a.png masks/a.png\nphotos/b.jpg masks/b.png\n"))
	verify := func(root, list, classes string) []string {
		return []string{"data", "verify", "--config", "custom_resnet50", "--data-root", root, "--list", list, "--set", "dataset.folds=2",
			"--set", "dataset.min_area=1", "--set", "dataset.classes=" + classes}
	}

	out, _, code := hdmnet(t, verify(dir, list, classes)...)
	if code != ui.ExitError || !strings.Contains(out, "`hdmnet data prepare masks`") || !strings.Contains(out, "--mask-colors") {
		t.Errorf("masks in colors: code %d, %s", code, out)
	}
	out, errs, code := hdmnet(t, append(verify(dir, list, classes), "--mask-colors", colors)...)
	if code != 0 || !strings.Contains(out, "all whole") || !strings.Contains(out, "1 warnings about files") || !strings.Contains(out, "no end marker") {
		t.Errorf("with --mask-colors: code %d, %s%s", code, out, errs)
	}

	made := filepath.Join(dir, "made")
	out, errs, code = hdmnet(t, "data", "prepare", "masks", "--images", filepath.Join(dir, "photos"), "--masks", filepath.Join(dir, "masks"), "--mask-colors", colors, "--out", made)
	if code != 0 || !strings.Contains(out, "2 written") || !strings.Contains(out, "2      spoon  2") {
		t.Errorf("prepare: code %d, %s%s", code, out, errs)
	}
	out, errs, code = hdmnet(t, append(verify(made, filepath.Join(made, "list.txt"), filepath.Join(made, "classes.txt")), "--json")...)
	var report struct {
		Train struct {
			Broken   int `json:"broken"`
			Warnings int `json:"warnings_total"`
		} `json:"train"`
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != 0 || report.Train.Broken != 0 || report.Train.Warnings != 1 {
		t.Errorf("what was made: code %d, %+v, %v, %s", code, report, err, errs)
	}
	fails(t, ui.ExitUsage, []string{"data", "prepare", "masks", "--images", dir, "--out", made}, "--masks")
	fails(t, ui.ExitError, append(verify(dir, list, classes), "--mask-colors", "none.txt"), "none.txt", "cityscapes")
	out, _, code = hdmnet(t, append(verify(dir, list, classes), "--max-pixels", "100")...)
	if code != ui.ExitError || !strings.Contains(out, "64×48 pixels are 3072, more than 100") || !strings.Contains(out, "--max-pixels") {
		t.Errorf("--max-pixels: code %d, %s", code, out)
	}
}
