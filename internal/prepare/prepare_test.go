package prepare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/color"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"hdmnet/internal/labelmap"
	"hdmnet/internal/picture"
)

// contains fails unless err says all of want.
func contains(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one about %q", want)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

func put(t *testing.T, path, content string) string {
	t.Helper()
	if err := writeFile(path, []byte(content)); err != nil {
		t.Fatal(err)
	}
	return path
}

func get(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// files are the contents of all files under a folder, by relative path.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			all[filepath.ToSlash(rel)] = get(t, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sameFiles(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, content := range want {
		if other, ok := got[name]; !ok {
			t.Errorf("%s is missing", name)
		} else if other != content {
			t.Errorf("%s differs", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is too many", name)
		}
	}
}

func TestEachReportsTheFirstError(t *testing.T) {
	for _, workers := range []int{1, 3, 20} {
		var ran atomic.Int64
		last := 0
		opt := Options{Workers: workers, Progress: func(stage string, done, total int) {
			if stage != "masks" || done != last+1 || total != 50 {
				t.Errorf("progress %s %d of %d after %d", stage, done, total, last)
			}
			last = done
		}}
		err := each(context.Background(), opt, "masks", 50, func(i int) error {
			ran.Add(1)
			if i >= 10 {
				return fmt.Errorf("piece %d", i)
			}
			return nil
		})
		if err == nil || err.Error() != "piece 10" {
			t.Errorf("%d workers: error %v, want that of piece 10", workers, err)
		}
		if n := int(ran.Load()); n < 11 || n > 10+workers {
			t.Errorf("%d workers: %d pieces were begun", workers, n)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := 0
	err := each(ctx, Options{Workers: 1}, "masks", 50, func(i int) error {
		ran++
		if i == 4 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || ran != 5 {
		t.Errorf("canceled: %d pieces, error %v", ran, err)
	}
}

func TestMaskWriterKeepsWhatIsWhole(t *testing.T) {
	dir := t.TempDir()
	mask := Mask{Pix: []uint8{0, 1, 2, 255, 20, 0}, H: 2, W: 3}
	renders := 0
	render := func() (Mask, error) { renders++; return mask, nil }
	var warnings []string
	opt := Options{Out: dir, Warn: func(m string) { warnings = append(warnings, m) }}
	write := func() *Report {
		t.Helper()
		report := &Report{}
		if err := newMaskWriter(opt, 20, report).put("sub/a.png", render); err != nil {
			t.Fatal(err)
		}
		for v := range report.Images {
			want := 0
			if bytes.IndexByte(mask.Pix, byte(v)) >= 0 {
				want = 1
			}
			if report.Images[v] != want {
				t.Errorf("value %d: %d images, want %d", v, report.Images[v], want)
			}
		}
		return report
	}
	if r := write(); r.Written != 1 || r.Kept != 0 || renders != 1 {
		t.Fatalf("first: %+v, rendered %d times", r, renders)
	}
	path := filepath.Join(dir, "sub", "a.png")
	pix, size, err := new(picture.Reader).ReadMask(path, 20)
	if err != nil || size != (picture.Size{H: 2, W: 3}) || !bytes.Equal(pix, mask.Pix) {
		t.Fatalf("read back %v %v, %v", pix, size, err)
	}
	whole := get(t, path)
	if r := write(); r.Kept != 1 || r.Written != 0 || renders != 1 {
		t.Fatalf("second: %+v, rendered %d times", r, renders)
	}
	if len(warnings) != 0 {
		t.Fatalf("warnings %q", warnings)
	}
	put(t, path, whole[:len(whole)-20])
	if r := write(); r.Written != 1 || renders != 2 || len(warnings) != 1 || !strings.Contains(warnings[0], "a.png") {
		t.Fatalf("damaged: %+v, rendered %d times, warnings %q", r, renders, warnings)
	}
	if get(t, path) != whole {
		t.Error("made again with other bytes")
	}
	opt.Force = true
	if r := write(); r.Written != 1 || renders != 3 {
		t.Fatalf("forced: %+v, rendered %d times", r, renders)
	}
	err = newMaskWriter(opt, 20, &Report{}).put("b.png", func() (Mask, error) { return Mask{Pix: []uint8{0, 21}, H: 1, W: 2}, nil })
	contains(t, err, "b.png", "21", "column 1", "0..20")
	err = newMaskWriter(opt, 20, &Report{}).put("b.png", func() (Mask, error) { return Mask{}, errors.New("no annotation") })
	contains(t, err, "no annotation")
	if _, err := os.Stat(filepath.Join(dir, "b.png")); err == nil {
		t.Error("a mask was written in spite of the error")
	}
}

func TestPaletteIsVOCs(t *testing.T) {
	for i, want := range map[int]color.RGBA{0: {0, 0, 0, 255}, 1: {128, 0, 0, 255}, 2: {0, 128, 0, 255}, 3: {128, 128, 0, 255},
		8: {64, 0, 0, 255}, 15: {192, 128, 128, 255}, 20: {0, 64, 128, 255}, 255: {224, 224, 192, 255}} {
		if labelmap.Palette[i] != want {
			t.Errorf("color %d is %v, want %v", i, labelmap.Palette[i], want)
		}
	}
}

func TestListsAndClasses(t *testing.T) {
	opt := Options{Out: t.TempDir()}
	report := &Report{}
	if err := writeList(opt, "train.txt", []pair{{"a.jpg", "a.png"}, {"with space.jpg", "b.png"}}, report); err != nil {
		t.Fatal(err)
	}
	if want := "a.jpg a.png\nwith space.jpg\tb.png\n"; get(t, report.Lists[0].Path) != want || report.Lists[0].Pairs != 2 {
		t.Errorf("list %q, %+v", get(t, report.Lists[0].Path), report.Lists)
	}
	contains(t, writeList(opt, "train.txt", []pair{{"a\tb.jpg", "a.png"}}, report), `a\tb.jpg`, "rename")
	if err := writeClasses(opt, []string{"cat", "traffic light"}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, filepath.Join(opt.Out, "classes.txt")); got != "cat\ntraffic light\n" {
		t.Errorf("classes %q", got)
	}
	contains(t, writeClasses(opt, []string{"cat", " "}), "class 2")
}

// TestListsOfOthersStay: a file that was written here may be written again, another may not.
func TestListsOfOthersStay(t *testing.T) {
	opt := Options{Out: t.TempDir()}
	write := func(opt Options, image string) error {
		return writeList(opt, "val.txt", []pair{{image, "a.png"}}, &Report{})
	}
	path := put(t, filepath.Join(opt.Out, "val.txt"), "mine.jpg mine.png\n")
	contains(t, write(opt, "a.jpg"), "val.txt", "not written here", "--force")
	if get(t, path) != "mine.jpg mine.png\n" {
		t.Error("the list of another is gone")
	}
	forced := opt
	forced.Force = true
	for _, step := range []error{write(forced, "a.jpg"), write(opt, "b.jpg"), write(opt, "a.jpg"), write(opt, "a.jpg")} {
		if step != nil {
			t.Error(step)
		}
	}
	put(t, path, get(t, path)+"added.jpg added.png\n")
	contains(t, write(opt, "a.jpg"), "not written here")
	put(t, path, "c.jpg a.png\n")
	contains(t, write(opt, "a.jpg"), "not written here")
	if err := write(opt, "c.jpg"); err != nil {
		t.Error("the same content:", err)
	}
}

// TestListsOfOthersAreFoundBeforeTheWork: a list that may not be replaced costs no masks.
func TestListsOfOthersAreFoundBeforeTheWork(t *testing.T) {
	progress := func(stage string, _, _ int) {
		if stage == "masks" {
			t.Error("masks were made before the list was looked at")
		}
	}
	for _, prepare := range []func(Options) error{
		func(opt Options) error {
			_, err := VOC(context.Background(), VOCOptions{Options: opt, Root: vocRoot(t)})
			return err
		},
		func(opt Options) error {
			_, err := SBD(context.Background(), SBDOptions{Options: opt, Root: vocRoot(t), SBD: sbdRoot(t)})
			return err
		},
		func(opt Options) error {
			_, err := COCO(context.Background(), COCOOptions{Options: opt, Root: cocoRoot(t)})
			return err
		},
	} {
		opt := Options{Out: t.TempDir(), Progress: progress}
		put(t, filepath.Join(opt.Out, "val.txt"), "mine.jpg mine.png\n")
		contains(t, prepare(opt), "val.txt", "not written here", "--force")
	}
}

func TestRecordRefusesMixtures(t *testing.T) {
	dir := t.TempDir()
	opt := Options{Out: dir}
	first := task{command: "coco", folders: []string{"masks"}, settings: map[string]string{"mask mode": "all-polygons"}}
	run := func(opt Options, tk task) (Options, error) {
		t.Helper()
		opt, release, err := begin(opt, tk)
		if err == nil {
			release()
		}
		return opt, err
	}
	if _, err := run(opt, first); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "masks", "a.png"), "x")
	left := put(t, filepath.Join(dir, "masks", ".a.png.partial"), "x")
	if _, err := run(opt, first); err != nil {
		t.Fatal("going on as before:", err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("the half-written file is still there")
	}
	more := task{command: "coco", folders: []string{"masks2"}, settings: map[string]string{"val": "1234"}}
	if _, err := run(opt, more); err != nil {
		t.Fatal("a setting more:", err)
	}
	other := task{command: "coco", folders: []string{"masks"}, settings: map[string]string{"mask mode": "first-polygon"}}
	_, err := run(opt, other)
	contains(t, err, "mask mode", "all-polygons", "first-polygon", "--force", recordFile)
	_, err = run(opt, task{command: "voc", folders: []string{"masks"}})
	contains(t, err, "prepare coco", "masks")
	if _, err := run(opt, task{command: "voc", folders: []string{"masks"}, shares: []string{"coco"}}); err != nil {
		t.Fatal("masks that are shared:", err)
	}

	// Told to make all again, and killed: what is there is not to be trusted.
	forced := opt
	forced.Force = true
	if _, err := run(forced, other); err != nil {
		t.Fatal(err)
	}
	again, err := run(opt, other)
	if err != nil || !again.Force {
		t.Fatalf("after a forced run that was killed: Force %v, %v", again.Force, err)
	}
	if err := finish(again, other, &Report{}); err != nil {
		t.Fatal(err)
	}
	if again, err = run(opt, other); err != nil || again.Force {
		t.Fatalf("after a forced run: Force %v, %v", again.Force, err)
	}
	_, err = run(opt, first)
	contains(t, err, "all-polygons")
}

func TestRecordOfStrangers(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "masks", "a.PNG"), "x")
	tk := task{command: "coco", folders: []string{"masks"}}
	_, _, err := begin(Options{Out: dir}, tk)
	contains(t, err, "not made here", "--force")
	for _, content := range []string{"{", `{"tasks":{"coco":null}}`, "[]"} {
		put(t, filepath.Join(dir, recordFile), content)
		_, _, err = begin(Options{Out: dir}, tk)
		contains(t, err, recordFile, "remove it")
	}
}
