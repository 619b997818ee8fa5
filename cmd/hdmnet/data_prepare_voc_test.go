package main

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hdmnet/internal/cli/root"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/data"
)

// vocFolder makes a VOC2012 folder of four pictures, two to train on.
func vocFolder(t *testing.T) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "VOC2012")
	for i, id := range []string{"2007_a", "2007_b", "2007_c", "2007_d"} {
		photo(t, filepath.Join(root, "JPEGImages", id+".jpg"), 8, 6)
		classMask(t, filepath.Join(root, "SegmentationClass", id+".png"), 8, 6, uint8(1+i/2))
	}
	write(t, filepath.Join(root, "ImageSets", "Segmentation", "train.txt"), []byte("2007_a\n2007_c\n"))
	write(t, filepath.Join(root, "ImageSets", "Segmentation", "val.txt"), []byte("2007_d\n2007_b\n"))
	write(t, filepath.Join(root, "ImageSets", "Main", "train.txt"), []byte("2007_a\n"))
	return root
}

func TestDataPrepareVOC(t *testing.T) {
	root := vocFolder(t)
	out, errs, code := hdmnet(t, "data", "prepare", "voc", "--root", filepath.Dir(root))
	if code != ui.ExitOK || !strings.Contains(out, "masks: 4 written, 0 were there") || !strings.Contains(out, "train.txt, 2 pairs") {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	if strings.Count(errs, "warning: ") != 2 || !strings.Contains(errs, "the published list has 1464") {
		t.Errorf("warnings: %s", errs)
	}
	for _, line := range []string{"1      aeroplane    2", "20     tvmonitor    0"} {
		if !strings.Contains(out, line) {
			t.Errorf("no line %q in\n%s", line, out)
		}
	}
	out, errs, code = hdmnet(t, "data", "prepare", "voc", "--root", root, "--workers", "3")
	if code != ui.ExitOK || !strings.Contains(out, "masks: 0 written, 4 were there") {
		t.Errorf("again: exit code %d: %s%s", code, out, errs)
	}
	out, errs, code = hdmnet(t, "data", "prepare", "voc", "--root", root, "--force")
	if code != ui.ExitOK || !strings.Contains(out, "masks: 4 written, 0 were there") {
		t.Errorf("forced: exit code %d: %s%s", code, out, errs)
	}
	// What was prepared verifies.
	out, errs, code = hdmnet(t, "data", "verify", "--config", "pascal5i_resnet50", "--data-root", root, "--train-list", "train.txt", "--val-list", "val.txt")
	if !strings.Contains(out+errs, "train.txt") {
		t.Errorf("verify: exit code %d: %s%s", code, out, errs)
	}
}

func TestDataPrepareVOCStops(t *testing.T) {
	folder := vocFolder(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, errs bytes.Buffer
	code := root.Execute(ctx, []string{"data", "prepare", "voc", "--root", folder}, ui.Streams{Out: &out, Err: &errs})
	if code != ui.ExitInterrupted || out.Len() != 0 || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("exit code %d: %s%s", code, out.String(), errs.String())
	}
}

func TestDataPrepareSBD(t *testing.T) {
	root := vocFolder(t)
	sbd := filepath.Join(t.TempDir(), "benchmark_RELEASE", "dataset")
	mat, err := os.ReadFile(filepath.Join("..", "..", "internal", "matfile", "testdata", "sbd.mat"))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"2007_a", "2008_x"} {
		write(t, filepath.Join(sbd, "cls", id+".mat"), mat)
		photo(t, filepath.Join(sbd, "img", id+".jpg"), 23, 17)
	}
	write(t, filepath.Join(sbd, "train.txt"), []byte("2007_a\n"))
	write(t, filepath.Join(sbd, "val.txt"), []byte("2008_x\n"))
	target := filepath.Join(t.TempDir(), "pascal")
	out, errs, code := hdmnet(t, "data", "prepare", "sbd", "--root", root, "--sbd", filepath.Dir(sbd), "--out", target)
	if code != ui.ExitOK || !strings.Contains(out, "masks: 5 written") || !strings.Contains(errs, "2008_x.jpg") {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	src, err := data.OpenList(filepath.Join(target, "trainaug.txt"), target, 20)
	if err != nil {
		t.Fatal(err)
	}
	for i := range src.Len() {
		if _, err := src.Load(i); err != nil {
			t.Error(err)
		}
	}
	if src.Len() != 3 {
		t.Errorf("trainaug.txt has %d pairs, want 3", src.Len())
	}
}

func TestDataPrepareBadInput(t *testing.T) {
	empty := t.TempDir()
	root := vocFolder(t)
	fails(t, ui.ExitUsage, []string{"data", "prepare", "voc"}, "--root")
	fails(t, ui.ExitUsage, []string{"data", "prepare", "sbd", "--root", root}, "--sbd")
	fails(t, ui.ExitUsage, []string{"data", "prepare", "sbd", "--sbd", empty}, "--root")
	fails(t, ui.ExitUsage, []string{"data", "prepare", "voc", "--root", root, "--workers", "-1"}, "--workers -1")
	fails(t, ui.ExitUsage, []string{"data", "prepare", "voc", root}, "unexpected argument")
	fails(t, ui.ExitUsage, []string{"data", "prepare", "labelm"}, "did you mean labelme")
	fails(t, ui.ExitError, []string{"data", "prepare", "voc", "--root", empty}, empty, "VOCtrainval")
	fails(t, ui.ExitError, []string{"data", "prepare", "sbd", "--root", root, "--sbd", empty}, empty, "benchmark.tgz")
	strange := filepath.Join(root, "SegmentationClassAug", "x.png")
	write(t, strange, []byte("x"))
	fails(t, ui.ExitError, []string{"data", "prepare", "voc", "--root", root}, "not made here", "--force")
}

// TestPreparedMasksAreVOCs: what lies in SegmentationClassAug has VOC's colors.
func TestPreparedMasksAreVOCs(t *testing.T) {
	root := vocFolder(t)
	if _, errs, code := hdmnet(t, "data", "prepare", "voc", "--root", root); code != ui.ExitOK {
		t.Fatal(errs)
	}
	f, err := os.Open(filepath.Join(root, "SegmentationClassAug", "2007_a.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	m, ok := img.(*image.Paletted)
	if r, g, b, _ := img.At(0, 0).RGBA(); !ok || m.ColorIndexAt(0, 0) != 1 || r>>8 != 128 || g != 0 || b != 0 {
		t.Errorf("%T, first pixel (%d,%d,%d)", img, r>>8, g>>8, b>>8)
	}
}
