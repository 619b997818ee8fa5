package prepare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/data"
	"hdmnet/internal/picture"
)

// The made-up folders: pictures a and b are VOC's train, c is VOC's val; SBD has a (train
// of the main competition), c, d (main train) and e (main val).
func vocRoot(t *testing.T) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "VOCdevkit", "VOC2012")
	set := func(name string, ids ...string) {
		put(t, filepath.Join(root, "ImageSets", filepath.FromSlash(name)), strings.Join(ids, "\n")+"\n\n")
	}
	set("Segmentation/train.txt", "2007_b", "2007_a")
	set("Segmentation/val.txt", "2007_c")
	set("Main/train.txt", "2007_a", "2008_d", "2008_x")
	for i, id := range []string{"2007_a", "2007_b", "2007_c", "2008_d", "2008_e"} {
		put(t, filepath.Join(root, jpegImages, id+".jpg"), "picture "+id)
		if i < 3 {
			mask := Mask{Pix: []uint8{0, uint8(i + 1), 255, 20}, H: 2, W: 2}
			if err := writeMask(filepath.Join(root, "SegmentationClass", id+".png"), mask); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

func sbdRoot(t *testing.T) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "benchmark_RELEASE", "dataset")
	put(t, filepath.Join(root, "train.txt"), "2007_c\n2008_e\n")
	put(t, filepath.Join(root, "val.txt"), "2008_d\r\n2007_a\r\n")
	mat := get(t, filepath.Join("..", "matfile", "testdata", "sbd.mat"))
	for _, id := range []string{"2007_a", "2007_c", "2008_d", "2008_e"} {
		put(t, filepath.Join(root, "cls", id+".mat"), mat)
		put(t, filepath.Join(root, "img", id+".jpg"), "picture "+id)
	}
	return root
}

// warnings collects them.
func warnings(opt *Options) *[]string {
	all := &[]string{}
	opt.Warn = func(m string) { *all = append(*all, m) }
	return all
}

func TestVOC(t *testing.T) {
	root := vocRoot(t)
	var opt Options
	said := warnings(&opt)
	report, err := VOC(context.Background(), VOCOptions{Options: opt, Root: filepath.Dir(filepath.Dir(root))})
	if err != nil {
		t.Fatal(err)
	}
	if report.Written != 3 || report.Kept != 0 || report.Root != root || report.Images[20] != 3 || report.Images[2] != 1 {
		t.Errorf("report %+v", report)
	}
	if got := get(t, filepath.Join(root, "train.txt")); got != "JPEGImages/2007_b.jpg SegmentationClassAug/2007_b.png\n"+
		"JPEGImages/2007_a.jpg SegmentationClassAug/2007_a.png\n" {
		t.Errorf("train.txt:\n%s", got)
	}
	if len(*said) != 2 || !strings.Contains((*said)[0], "train.txt has 2 pairs, the published list has 1464") || !strings.Contains((*said)[1], "1449") {
		t.Errorf("warnings %q", *said)
	}
	src, err := data.OpenList(filepath.Join(root, "val.txt"), root, 20)
	if err != nil {
		t.Fatal(err)
	}
	if e := src.Entries()[0]; e.Image != "JPEGImages/2007_c.jpg" {
		t.Errorf("val.txt: %+v", e)
	}
	pix, _, err := new(picture.Reader).ReadMask(filepath.Join(root, augMasks, "2007_c.png"), 20)
	if err != nil || !slices.Equal(pix, []uint8{0, 3, 255, 20}) {
		t.Errorf("mask %v, %v", pix, err)
	}
}

// TestVOCWithOtherPictures: exports of VOC's layout keep pictures in the format that they had.
func TestVOCWithOtherPictures(t *testing.T) {
	root := vocRoot(t)
	for from, to := range map[string]string{"2007_a.jpg": "2007_a.PNG", "2007_b.jpg": "2007_b.JPEG"} {
		if err := os.Rename(filepath.Join(root, jpegImages, from), filepath.Join(root, jpegImages, to)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := VOC(context.Background(), VOCOptions{Root: root}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, filepath.Join(root, "train.txt")); got != "JPEGImages/2007_b.JPEG SegmentationClassAug/2007_b.png\n"+
		"JPEGImages/2007_a.PNG SegmentationClassAug/2007_a.png\n" {
		t.Errorf("train.txt:\n%s", got)
	}
}

func TestSBD(t *testing.T) {
	root, sbd := vocRoot(t), sbdRoot(t)
	os.Remove(filepath.Join(root, jpegImages, "2008_e.jpg"))
	out := filepath.Join(t.TempDir(), "out")
	opt := Options{Out: out}
	said := warnings(&opt)
	report, err := SBD(context.Background(), SBDOptions{Options: opt, Root: root, SBD: filepath.Dir(sbd)})
	if err != nil {
		t.Fatal(err)
	}
	if report.Written != 5 || report.Images[15] != 2 || report.Images[8] != 2 || report.Images[3] != 1 {
		t.Errorf("report %+v", report)
	}
	ids := func(list string) string {
		src, err := data.OpenList(filepath.Join(out, list), out, 20)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range src.Entries() {
			names = append(names, strings.TrimSuffix(filepath.Base(e.Image), ".jpg"))
		}
		return strings.Join(names, " ")
	}
	for list, want := range map[string]string{
		mergeList:    "2007_a 2008_d 2007_b",
		trainAugList: "2007_a 2007_b 2008_d 2008_e",
		vocVal:       "2007_c",
	} {
		if got := ids(list); got != want {
			t.Errorf("%s: %s, want %s", list, got, want)
		}
	}
	if len(*said) != 4 || !strings.Contains((*said)[0], "2008_e.jpg") || !strings.Contains((*said)[1], "5953") || !strings.Contains((*said)[2], "10582") {
		t.Errorf("warnings %q", *said)
	}
	if !strings.Contains(get(t, filepath.Join(out, trainAugList)), "dataset/img/2008_e.jpg") {
		t.Error("the picture that VOC lacks is not SBD's")
	}
	pix, size, err := new(picture.Reader).ReadMask(filepath.Join(out, augMasks, "2008_d.png"), 20)
	if err != nil || size != (picture.Size{H: 17, W: 23}) || pix[6*23+1] != 8 || pix[3*23+4] != 15 {
		t.Errorf("SBD's mask: %v, %v", size, err)
	}
	if pix, _, err := new(picture.Reader).ReadMask(filepath.Join(out, augMasks, "2007_a.png"), 20); err != nil || len(pix) != 4 {
		t.Errorf("VOC's mask does not win over SBD's: %d pixels, %v", len(pix), err)
	}

	// Without the sets of the main competition SBD's own list does.
	os.RemoveAll(filepath.Join(root, "ImageSets", "Main"))
	before := get(t, filepath.Join(out, mergeList))
	_, err = SBD(context.Background(), SBDOptions{Options: opt, Root: root, SBD: sbd})
	contains(t, err, "Main", "train_noval.txt")
	put(t, filepath.Join(sbd, "train_noval.txt"), "2007_a\n2008_d\n")
	if report, err = SBD(context.Background(), SBDOptions{Options: opt, Root: root, SBD: sbd}); err != nil || report.Kept != 5 {
		t.Fatalf("%+v, %v", report, err)
	}
	if get(t, filepath.Join(out, mergeList)) != before {
		t.Error("another list from train_noval.txt")
	}
}

// TestSBDGoesOn: interrupted anywhere and called again, it ends with the same bytes, which
// do not depend on the number of workers; and so does VOC first, SBD then.
func TestSBDGoesOn(t *testing.T) {
	root, sbd := vocRoot(t), sbdRoot(t)
	prepare := func(ctx context.Context, opt Options) error {
		_, err := SBD(ctx, SBDOptions{Options: opt, Root: root, SBD: sbd})
		return err
	}
	base := t.TempDir() // beside each other, so that the lists are the same
	whole := filepath.Join(base, "whole")
	if err := prepare(context.Background(), Options{Out: whole, Workers: 4}); err != nil {
		t.Fatal(err)
	}
	want := files(t, whole)
	if len(want) != 5+3+1 {
		t.Fatalf("%d files", len(want))
	}
	for stop := 1; stop <= 4; stop++ {
		out := filepath.Join(base, fmt.Sprint("stopped", stop))
		ctx, cancel := context.WithCancel(context.Background())
		err := prepare(ctx, Options{Out: out, Workers: 1, Progress: func(_ string, done, _ int) {
			if done == stop {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped after %d: %v", stop, err)
		}
		if n := len(files(t, out)); n != stop+1 {
			t.Errorf("stopped after %d: %d files", stop, n)
		}
		if err := prepare(context.Background(), Options{Out: out}); err != nil {
			t.Fatal(err)
		}
		sameFiles(t, files(t, out), want)
	}
	out := filepath.Join(base, "both")
	if _, err := VOC(context.Background(), VOCOptions{Options: Options{Out: out}, Root: root}); err != nil {
		t.Fatal(err)
	}
	if err := prepare(context.Background(), Options{Out: out}); err != nil {
		t.Fatal(err)
	}
	got := files(t, out)
	delete(got, recordFile)
	delete(got, vocTrain)
	delete(want, recordFile)
	sameFiles(t, got, want)
}

func TestVOCAndSBDBadInput(t *testing.T) {
	run := func(root, sbd string) error {
		_, err := SBD(context.Background(), SBDOptions{Options: Options{Out: t.TempDir()}, Root: root, SBD: sbd})
		return err
	}
	root, sbd := vocRoot(t), sbdRoot(t)
	empty := t.TempDir()
	contains(t, run(empty, sbd), "VOC 2012", empty, "VOCtrainval")
	contains(t, run(root, empty), "SBD", empty, "benchmark.tgz")
	change := func(path, content string, want ...string) {
		t.Helper()
		was := get(t, path)
		if content == "" {
			os.Remove(path)
		} else {
			put(t, path, content)
		}
		contains(t, run(root, sbd), want...)
		put(t, path, was)
	}
	change(filepath.Join(root, "SegmentationClass", "2007_b.png"), "", "1 of 6 files", "2007_b.png")
	change(filepath.Join(root, "SegmentationClass", "2007_b.png"), "GIF89a", "2007_b.png", "GIF", "copy it again")
	change(filepath.Join(sbd, "cls", "2008_d.mat"), "", "1 of 4 files", "2008_d.mat")
	change(filepath.Join(sbd, "cls", "2008_d.mat"), "nonsense", "2008_d.mat", "MATLAB")
	change(filepath.Join(sbd, "cls", "2008_d.mat"), get(t, filepath.Join("..", "matfile", "testdata", "classes.mat")), "2008_d.mat", "GTcls", "cls folder")
	change(filepath.Join(sbd, "train.txt"), "JPEGImages/a.jpg x\n", "train.txt:1", "without folder")
	change(filepath.Join(sbd, "train.txt"), "2008_d\n2008_d\n", "train.txt:2", "line 1")
	change(filepath.Join(root, "ImageSets", "Segmentation", "val.txt"), "\n", "val.txt", "no names")
	os.Remove(filepath.Join(root, jpegImages, "2008_d.jpg"))
	os.Remove(filepath.Join(sbd, "img", "2008_d.jpg"))
	contains(t, run(root, sbd), "2008_d.jpg", "JPEGImages lacks")
}

// TestMaskOfAnotherSize: a mask that is not of its picture's size stops before lists are made.
func TestMaskOfAnotherSize(t *testing.T) {
	root := vocRoot(t)
	image := filepath.Join(root, jpegImages, "2007_b.jpg")
	photo(t, image, 2, 2)
	if _, err := VOC(context.Background(), VOCOptions{Root: root}); err != nil {
		t.Fatal(err)
	}
	photo(t, image, 3, 2)
	_, err := VOC(context.Background(), VOCOptions{Root: root, Options: Options{Force: true}})
	contains(t, err, "2007_b.png is of 2×2 pixels", "2007_b.jpg is 3×2")
	image = filepath.Join(root, jpegImages, "2008_d.jpg")
	photo(t, image, 9, 9)
	_, err = SBD(context.Background(), SBDOptions{Root: root, SBD: sbdRoot(t), Options: Options{Out: t.TempDir()}})
	contains(t, err, "pixels (width×height), but its picture", "was one of them resized?")
}
