package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/dist/disttest"
	"hdmnet/internal/locate"
	"hdmnet/internal/picture"
)

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
}

func photo(t *testing.T, h, w int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, w, h)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// mask is a gray PNG of the given values, the last one filling the rest.
func mask(t *testing.T, h, w int, values ...uint8) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = values[min(i, len(values)-1)]
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestCheck: every kind of damage is found, named with its line, and left out of the counts.
func TestCheck(t *testing.T) {
	root := t.TempDir()
	var list strings.Builder
	list.WriteString("\n") // lines are those of the file
	put := func(name string, image, mask []byte) {
		if image != nil {
			write(t, filepath.Join(root, "i", name+".jpg"), image)
		}
		if mask != nil {
			write(t, filepath.Join(root, "m", name+".png"), mask)
		}
		fmt.Fprintf(&list, "i/%s.jpg m/%s.png\n", name, name)
	}
	shot := photo(t, 8, 10)
	inColor := image.NewRGBA(image.Rect(0, 0, 10, 8))
	inColor.SetRGBA(1, 1, color.RGBA{R: 200, A: 255})
	var colored bytes.Buffer
	if err := png.Encode(&colored, inColor); err != nil {
		t.Fatal(err)
	}
	put("good", shot, mask(t, 8, 10, 1, 1, 255, 0))
	put("noimage", nil, mask(t, 8, 10, 2))
	put("nomask", shot, nil)
	put("neither", nil, nil)
	put("cutimage", shot[:len(shot)-4], mask(t, 8, 10, 2))
	put("cutmask", shot, mask(t, 8, 10, 2)[:60])
	put("jpegmask", shot, shot)
	put("color", shot, colored.Bytes())
	put("resized", shot, mask(t, 4, 5, 2))
	put("value", shot, mask(t, 8, 10, 2, 22, 4, 90, 90, 5))
	put("last", shot, mask(t, 8, 10, 20, 3))
	path := filepath.Join(root, "list.txt")
	write(t, path, []byte(list.String()))

	var first *List
	for _, workers := range []int{1, 4} {
		calls := 0
		l, err := Check(context.Background(), path, Options{Root: root, Classes: 20, Workers: workers, Progress: func(p string, done, total int) {
			if calls++; p != path || done != calls || total != 11 {
				t.Errorf("progress %s %d of %d", p, done, total)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		if calls != 11 {
			t.Errorf("progress was called %d times", calls)
		}
		if first == nil {
			first = l
		} else if !reflect.DeepEqual(l, first) {
			t.Error("the result depends on the number of workers")
		}
	}
	disttest.Run(t, 3, func(link dist.Link) {
		l, err := Check(context.Background(), path, Options{Root: root, Classes: 20, Link: link})
		if err != nil || !reflect.DeepEqual(l, first) {
			t.Errorf("three processes: %v, %+v\nwant %+v", err, l, first)
		}
	})
	if first.Pairs != 11 || first.Broken != 8 || first.Total != 9 || first.AboveClasses != 1 || first.Highest != 90 || !first.OneSize || first.W != 10 || first.H != 8 {
		t.Errorf("%+v", first)
	}
	want := data.Areas{{{Class: 1, Pixels: 2}}, nil, nil, nil, {{Class: 2, Pixels: 80}}, nil, nil, nil, nil, nil, {{Class: 3, Pixels: 79}, {Class: 20, Pixels: 1}}}
	if !reflect.DeepEqual(first.Areas, want) {
		t.Errorf("areas %v", first.Areas)
	}
	for i, c := range []struct {
		line       int
		file, says string
	}{
		{3, "noimage.jpg", "no such file"}, {4, "nomask.png", "no such file"}, {5, "neither.jpg", "no such file"}, {5, "neither.png", "no such file"},
		{7, "cutmask.png", "cut short"}, {8, "jpegmask.png", "JPEG file"}, {9, "color.png", "(200,0,0) at column 1, row 1"},
		{10, "resized.png", "5×4 pixels (width×height), but its image"}, {11, "value.png", "value 90 at column 3, row 0, expected a class 0..20"},
	} {
		p := first.Problems[i]
		if p.Line != c.line || filepath.Base(p.File) != c.file || !strings.Contains(p.Message, c.says) || !strings.Contains(p.Message, c.file) {
			t.Errorf("problem %d: %+v, want line %d, %s, %q", i, p, c.line, c.file, c.says)
		}
	}
	if first.Odd != 1 || len(first.Warnings) != 1 || first.Warnings[0].Line != 6 || !strings.Contains(first.Warnings[0].Message, "cutimage.jpg: JPEG: the data ends too early") {
		t.Errorf("warnings %+v", first.Warnings)
	}
}

func TestCheckErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Check(context.Background(), filepath.Join(dir, "none.txt"), Options{Classes: 20}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing list: error %v", err)
	}
	path := filepath.Join(dir, "list.txt")
	write(t, path, []byte("a b c\n"))
	if _, err := Check(context.Background(), path, Options{Classes: 20}); err == nil || !strings.Contains(err.Error(), "list.txt:1") {
		t.Errorf("bad list: error %v", err)
	}
	var long strings.Builder
	for i := range 700 {
		fmt.Fprintf(&long, "i%d m%d\n", i, i)
	}
	write(t, path, []byte(long.String()))
	l, err := Check(context.Background(), path, Options{Root: dir, Classes: 20})
	if err != nil || len(l.Problems) != maxProblems || l.Total != 1400 || l.Broken != 700 {
		t.Errorf("many problems: %d of %d, error %v", len(l.Problems), l.Total, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Check(ctx, path, Options{Classes: 20}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: error %v", err)
	}
}

// made is a list of n pairs; class c is large in the first shown[c] of them.
func made(path string, n int, shown map[int]int) *List {
	l := &List{Path: path, Pairs: n, Areas: make(data.Areas, n), images: map[locate.ID]bool{}}
	for i := range n {
		l.images[locate.ID(fmt.Sprint(path, i))] = true
		for c := 1; c <= 80; c++ {
			if i < shown[c] {
				l.Areas[i] = append(l.Areas[i], data.ClassArea{Class: c, Pixels: data.FieldMinArea})
			}
		}
	}
	return l
}

func pascalSet(t *testing.T) Set {
	t.Helper()
	set := Set{Dataset: "pascal5i", Split: "fwb", Published: &PASCAL5i, MinArea: data.FieldMinArea, Filter: true, Shots: 1}
	for f := range 4 {
		fold, err := data.PASCAL5i(f)
		if err != nil {
			t.Fatal(err)
		}
		set.Folds = append(set.Folds, fold)
	}
	return set
}

// published PASCAL counts of val, as made-up masks have them.
var pascalVal = map[int]int{1: 364, 6: 445, 11: 592, 16: 336}

// different gives the meaning of every comparison that differs.
func different(r *Report) map[string]string {
	out := map[string]string{}
	for _, c := range r.Comparisons {
		if !c.Same() {
			out[c.What] = c.Meaning
		} else if c.Meaning != "" {
			out[c.What] = "same, but: " + c.Meaning
		}
	}
	return out
}

func TestCompare(t *testing.T) {
	same := NewReport(pascalSet(t), nil, made("v", 1449, pascalVal))
	if len(same.Comparisons) != 5 || len(different(same)) != 0 {
		t.Fatalf("counts as published: %+v", same.Comparisons)
	}
	f := same.Folds[2]
	if f.Train != nil || f.Val.Images != 592 || f.Val.Pairs != 592 || len(f.Val.Classes) != 5 || f.Val.Classes[0] != (ClassCount{11, "diningtable", 592}) {
		t.Errorf("fold 2: %+v", f)
	}

	change := func(edit func(set *Set, l *List)) map[string]string {
		set, l := pascalSet(t), made("v", 1449, pascalVal)
		edit(&set, l)
		return different(NewReport(set, nil, l))
	}
	drop := func(l *List, from, to int) {
		for i := from; i < to; i++ {
			l.Areas[i] = nil
		}
	}
	for name, c := range map[string]struct {
		got  map[string]string
		what string
		want string
	}{
		"few masks":   {change(func(_ *Set, l *List) { drop(l, 580, 592) }), "fold 2, val images", "masks made another way"},
		"many masks":  {change(func(_ *Set, l *List) { drop(l, 450, 592) }), "fold 2, val images", "masks of SBD missing or empty"},
		"broken":      {change(func(_ *Set, l *List) { drop(l, 580, 592); l.Broken = 12 }), "fold 2, val images", "12 pairs of v are broken"},
		"least area":  {change(func(s *Set, _ *List) { s.MinArea = 5000 }), "fold 0, val images", "dataset.min_area=2048"},
		"one size":    {change(func(_ *Set, l *List) { drop(l, 580, 592); l.OneSize, l.W, l.H = true, 473, 473 }), "fold 2, val images", "473×473: they were resized"},
		"train list":  {different(NewReport(pascalSet(t), made("t", 10582, nil), nil)), "train list, pairs", "full trainaug list"},
		"no SBD":      {different(NewReport(pascalSet(t), made("t", 1464, nil), nil)), "train list, pairs", "without SBD"},
		"its counts":  {different(NewReport(pascalSet(t), made("t", 1464, nil), nil)), "fold 3, train images, filtered", "see its length"},
		"short list":  {different(NewReport(pascalSet(t), nil, made("v", 80, nil))), "val list, pairs", "a part of the field's list"},
		"joined list": {different(NewReport(pascalSet(t), nil, made("v", 3000, nil))), "val list, pairs", "several joined"},
		"wrong side":  {different(NewReport(pascalSet(t), made("t", 1449, nil), nil)), "train list, pairs", "VOC 2012's val list"},
	} {
		if !strings.Contains(c.got[c.what], c.want) {
			t.Errorf("%s: %v, want %q", name, c.got, c.want)
		}
	}
	if got := change(func(_ *Set, l *List) { drop(l, 580, 592) }); len(got) != 1 {
		t.Errorf("only fold 2 differs, got %v", got)
	}
}

func TestCompareCOCO(t *testing.T) {
	set := Set{Dataset: "coco20i", Split: "fwb", Published: &COCO20i, MinArea: data.FieldMinArea, Filter: true, Shots: 1}
	fold, err := data.COCO20i(0, "fwb")
	if err != nil {
		t.Fatal(err)
	}
	set.Folds = []data.Fold{fold}
	val := made("v", 40137, map[int]int{1: 26052, 5: 35783 - 26052})
	train := made("t", 82081, map[int]int{2: 62040, 3: 95476 - 62040})
	if got := different(NewReport(set, train, val)); len(got) != 1 || !strings.Contains(got["fold 0, train images, filtered"], "numbered otherwise") {
		t.Errorf("only the filtered images differ, got %v", got)
	}
	r := NewReport(set, nil, made("v", 40137, map[int]int{1: 26000, 5: 9700}))
	if got := different(r); len(got) != 2 || !strings.Contains(got["fold 0, val images"], "--mask-mode") {
		t.Errorf("other masks: %v", got)
	}
	if got := different(NewReport(set, nil, made("v", 5000, nil)))["val list, pairs"]; !strings.Contains(got, "2017") {
		t.Errorf("COCO 2017: %q", got)
	}
	r = NewReport(set, nil, made("v", 9, nil))
	for i, want := range []string{"class 8 (truck) and 72 more", "suitcase has 0 and 12 more"} {
		if i >= len(r.Notes) || !strings.HasSuffix(r.Notes[i], want) {
			t.Errorf("note %d of %q, want %q at its end", i, r.Notes, want)
		}
	}
	set.Split, set.Published = "panet", nil
	if r := NewReport(set, nil, val); len(r.Comparisons) != 0 || !strings.Contains(strings.Join(r.Notes, "\n"), "none for panet") {
		t.Errorf("panet: %v, %v", r.Comparisons, r.Notes)
	}
}

func TestNotes(t *testing.T) {
	names := []string{"background", "cat", "dog", "bird", "cow"}
	folds, err := data.BlockFolds(4, 2)
	if err != nil {
		t.Fatal(err)
	}
	set := Set{Dataset: "custom", MinArea: 10, Shots: 2, Filter: true}
	for f := range folds {
		fold, err := data.CustomFold(names, folds, f)
		if err != nil {
			t.Fatal(err)
		}
		set.Folds = append(set.Folds, fold)
	}
	train := made("t", 9, map[int]int{1: 4, 3: 2, 4: 9})
	val := made("v", 9, map[int]int{1: 3, 2: 2, 3: 8, 4: 3})
	val.AboveClasses, val.Highest = 7, 5
	for i := range 3 {
		val.images[locate.ID(fmt.Sprint("t", i))] = true
	}
	r := NewReport(set, train, val)
	for i, want := range []string{
		"pictures in both lists: 3",
		"t: no mask shows class 2 (dog)",
		"v: 7 masks hold values above the last class, up to 5: usually the background is counted as a class",
		"fold 0, val: 2-shot episodes need 3 images of a class, but dog has 2",
		"fold 0, train: classes with fewer than 3 images are left out of 2-shot training: bird has 0",
		"fold 1, train: classes with fewer than 3 images are left out of 2-shot training: cat has 0, dog has 0",
	} {
		if i >= len(r.Notes) || !strings.HasPrefix(r.Notes[i], want) {
			t.Errorf("note %d of %q, want %q", i, r.Notes, want)
		}
	}
	if len(r.Notes) != 6 || len(r.Comparisons) != 0 || r.Broken() != 0 {
		t.Errorf("%+v", r)
	}
	if f := r.Folds[0]; f.Filtered.Images != 5 || f.Train.Images != 9 || f.Train.Pairs != 11 || f.Filtered.Pairs != 5 {
		t.Errorf("fold 0: train %+v, filtered %+v", f.Train, f.Filtered)
	}
	set.Filter = false
	if r := NewReport(set, train, train); slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "cat has 0") }) ||
		!strings.Contains(r.Notes[0], "one list is for training and for validation") {
		t.Errorf("one list, unfiltered: %q", r.Notes)
	}
}

// TestFilesFoundElsewhere: a list written for another data root is read, with one note.
func TestFilesFoundElsewhere(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "i", "a.jpg"), photo(t, 8, 10))
	write(t, filepath.Join(root, "m", "a.png"), mask(t, 8, 10, 1))
	path := filepath.Join(root, "list.txt")
	write(t, path, []byte("../data/VOC2012/i/a.jpg ../data/VOC2012/m/a.PNG\n"))
	l, err := Check(context.Background(), path, Options{Root: root, Classes: 20})
	if err != nil || l.Broken != 0 || l.Elsewhere != 2 {
		t.Fatalf("%+v, %v", l, err)
	}
	r := NewReport(pascalSet(t), nil, l)
	if !strings.Contains(strings.Join(r.Notes, "\n"), "2 files are not there as written, but were found by another path, such as ../data/VOC2012/i/a.jpg at "+filepath.Join(root, "i", "a.jpg")) {
		t.Errorf("notes %q", r.Notes)
	}
}

// TestPictureOfTwoNames: a picture that a list names by two paths, or through a link, is
// a problem of the second line.
func TestPictureOfTwoNames(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "a.jpg"), photo(t, 8, 10))
	write(t, filepath.Join(root, "a.png"), mask(t, 8, 10, 1))
	write(t, filepath.Join(root, "b.png"), mask(t, 8, 10, 2))
	if err := os.Symlink("a.jpg", filepath.Join(root, "l.jpg")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "list.txt")
	for _, other := range []string{"l.jpg", filepath.Join(root, "a.jpg"), "../" + filepath.Base(root) + "/a.jpg"} {
		write(t, path, []byte("a.jpg a.png\n"+other+" b.png\n"))
		l, err := Check(context.Background(), path, Options{Root: root, Classes: 20})
		if err != nil || l.Broken != 1 || l.Problems[0].Line != 2 || !strings.Contains(l.Problems[0].Message, "is the same file as a.jpg on line 1") {
			t.Errorf("%s: %+v, %v", other, l, err)
		}
	}
}

func TestAboveMeaning(t *testing.T) {
	coco, err := data.COCO20i(0, "fwb")
	if err != nil {
		t.Fatal(err)
	}
	set := &Set{Dataset: "coco20i", Folds: []data.Fold{coco}}
	for highest, want := range map[int]string{81: "background is counted", 90: "category ids", 171: "COCO-Stuff", 200: "another data set"} {
		if got := aboveMeaning(set, highest); !strings.Contains(got, want) {
			t.Errorf("highest value %d: %q, want %q", highest, got, want)
		}
	}
}

// Pairs as people report them, in one list: the odd but readable are whole, with warnings
// for those about which OpenCV warns; painted masks name the way out, and are whole with
// their table.
func TestCheckOddFiles(t *testing.T) {
	root := "../picture/testdata/cases"
	list := filepath.Join(t.TempDir(), "list.txt")
	write(t, list, []byte("bad_text_crc.png mask.png\nbad_iccp_crc.png mask.png\nplain.png m_bad_crc.png\nextra_rows.png mask.png\n"+
		"j_mjpeg_no_dht.jpg mask.png\nj_no_eoi.jpg mask.png\nj_cmyk_no_adobe.jpg mask.png\n"+
		"webp_inside.jpg mask.png\nbmp_inside.jpg mask.png\ntiff_inside.jpg mask.png\n"))
	l, err := Check(context.Background(), list, Options{Root: root, Classes: 2})
	if err != nil || l.Broken != 0 || l.Pairs != 10 {
		t.Fatalf("%+v, %v", l, err)
	}
	var lines []int
	for _, w := range l.Warnings {
		lines = append(lines, w.Line)
	}
	if !reflect.DeepEqual(lines, []int{1, 2, 3, 4, 6}) || l.Odd != 5 {
		t.Errorf("%d warnings, of lines %v", l.Odd, lines)
	}
	for i, shown := range l.Areas {
		if !reflect.DeepEqual(shown, l.Areas[0]) || len(shown) != 2 {
			t.Errorf("line %d: areas %v", i+1, shown)
		}
	}
	write(t, list, []byte("plain.png m_rgb_equal.png\n"))
	if l, err := Check(context.Background(), list, Options{Root: root, Classes: 2}); err != nil || l.Broken != 0 {
		t.Errorf("three equal channels: %+v, %v", l, err)
	}
	write(t, list, []byte("plain.png m_rgb_colors.png\n"))
	l, err = Check(context.Background(), list, Options{Root: root, Classes: 2})
	if err != nil || l.Broken != 1 || !strings.Contains(l.Problems[0].Message, "`hdmnet data prepare masks`") {
		t.Errorf("colors: %+v, %v", l, err)
	}
	colors := filepath.Join(t.TempDir(), "labelmap.txt")
	write(t, colors, []byte("cup:176,112,32::\nspoon:48,112,32::\n"))
	table, err := picture.ReadTable(colors)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := Check(context.Background(), list, Options{Root: root, Classes: 2, Colors: table}); err != nil || l.Broken != 0 {
		t.Errorf("colors with their table: %+v, %v", l, err)
	}
}

// The limit of pixels reaches the files.
func TestCheckMaxPixels(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "a.jpg"), photo(t, 8, 10))
	write(t, filepath.Join(root, "a.png"), mask(t, 8, 10, 1))
	list := filepath.Join(root, "list.txt")
	write(t, list, []byte("a.jpg a.png\n"))
	l, err := Check(context.Background(), list, Options{Root: root, Classes: 2, MaxPixels: 79})
	if err != nil || l.Total != 2 || !strings.Contains(l.Problems[0].Message, "--max-pixels") || !strings.Contains(l.Problems[1].Message, "more than 79") {
		t.Errorf("%+v, %v", l, err)
	}
}
