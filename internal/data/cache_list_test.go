package data

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParseClassList(t *testing.T) {
	text := "\xef\xbb\xbf{1: [('a.jpg', 'a.png'), (\"it's.jpg\", '\\x41\\u00e9\\'\\\\.png'),],\n 20 : [] , 3:[[ 'x y.jpg' ,'x.png' ]]}\n"
	got, err := parseClassList(strings.NewReader(text), "sub.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := ClassList{1: {{Image: "a.jpg", Mask: "a.png"}, {Image: "it's.jpg", Mask: `Aé'/.png`}}, 20: {}, 3: {{Image: "x y.jpg", Mask: "x.png"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for text, want := range map[string]string{
		"":                             "ends early",
		"[1, 2]":                       "expected one of {",
		"{1: [('a', 'b')]":             "ends early",
		"{1: [('a', 'b')]} x":          "after the end",
		"{1: [('a', 'b')], 1: []}":     "twice",
		"{0: []}":                      `class "0"`,
		"{255: []}":                    `class "255"`,
		"{-1: []}":                     `class ""`,
		"{99999999: []}":               `class "9999"`,
		"{1: [('a',)]}":                "1 paths",
		"{1: [('a', 'b', 'c')]}":       "more than an image",
		"{1: [('a', 'b') ('c', 'd')]}": "expected one of ,]",
		"{1: [__import__('os')]}":      "expected one of ([",
		"{1: [('a' + 'b', 'c')]}":      "expected one of ,)",
		"{1: [('a\n', 'c')]}":          "end quote",
		`{1: [('\q', 'c')]}`:           "escape",
		`{1: [('\ud800', 'c')]}`:       "code",
		"{1: [('" + strings.Repeat("a", 5000) + "', 'c')]}": "4096",
		"a.jpg a.png\n": "expected one of {",
	} {
		_, err := parseClassList(strings.NewReader(text), "sub.txt")
		if err == nil || !strings.HasPrefix(err.Error(), "sub.txt: byte ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want one about %q", text, err, want)
		}
	}
}

func FuzzParseClassList(f *testing.F) {
	f.Add("{1: [('../data/VOC2012/JPEGImages/2007_000033.jpg', '../data/VOC2012/SegmentationClassAug/2007_000033.png')], 2: []}")
	f.Add(`{16: [["a\x41", "b\u00e9\U0001F600\\\'\n"],], }`)
	f.Add("{1: [('a',")
	f.Fuzz(func(t *testing.T, text string) {
		classes, err := parseClassList(strings.NewReader(text), "sub.txt")
		if err != nil {
			return
		}
		again, err := parseClassList(strings.NewReader(pythonText(classes)), "again.txt")
		if err != nil || !reflect.DeepEqual(again, classes) {
			t.Errorf("%q read again: %v, %v, want %v", text, again, err, classes)
		}
	})
}

// pythonText is a class list as the release writes it.
func pythonText(classes ClassList) string {
	escape := func(s string) string {
		return strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s)
	}
	var parts []string
	for _, c := range slices.Sorted(maps.Keys(classes)) {
		var pairs []string
		for _, e := range classes[c] {
			pairs = append(pairs, fmt.Sprintf("('%s', '%s')", escape(e.Image), escape(e.Mask)))
		}
		parts = append(parts, fmt.Sprintf("%d: [%s]", c, strings.Join(pairs, ", ")))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// cacheTree has five pictures, and classes 1..5 are novel in fold 0 of PASCAL-5i.
func cacheTree(t *testing.T) (*tree, *ListSource, Fold) {
	t.Helper()
	r := newTree(t)
	for i, values := range [][]uint8{{1, 1, 1, 2}, {2, 2, 9, 0}, {1, 1, 0, 3}, {4, 4, 5, 5}, {3, 3, 3, 3}} {
		r.pair(string(rune('a'+i)), 4, 1, grayMask(values...))
	}
	src, err := r.open()
	if err != nil {
		t.Fatal(err)
	}
	fold, err := PASCAL5i(0)
	if err != nil {
		t.Fatal(err)
	}
	return r, src, fold
}

// classListFrom is the class list that the release would write of an index.
func classListFrom(src *ListSource, ix *Index) ClassList {
	classes := ClassList{}
	for c, images := range ix.ByClass {
		classes[c] = []ListEntry{}
		for _, i := range images {
			classes[c] = append(classes[c], ListEntry{Image: src.Entries()[i].Image, Mask: src.Entries()[i].Mask})
		}
	}
	return classes
}

// TestCachesOfTheSameMasks: caches made from the masks that are here give the index that
// the masks give, and so the same episodes.
func TestCachesOfTheSameMasks(t *testing.T) {
	_, src, fold := cacheTree(t)
	opt := IndexOptions{Split: Val, MinArea: 2}
	want, err := BuildIndex(context.Background(), src, fold, opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(want.Images) != src.Len() {
		t.Fatalf("%d of %d pictures are queries; the test wants all", len(want.Images), src.Len())
	}
	classes, err := parseClassList(strings.NewReader(pythonText(classListFrom(src, want))), "sub.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, other, err := BuildCachedIndex(context.Background(), src, classes, "sub.txt", fold, opt)
	if err != nil || other != 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %d other pairs, %v; want %+v", got, other, err, want)
	}

	// The file's word counts, not the masks': another order, a pair less, a small class more.
	classes[2] = append(classes[2], classes[1][0])
	slices.Reverse(classes[1])
	classes[4] = nil
	got, other, err = BuildCachedIndex(context.Background(), src, classes, "sub.txt", fold, opt)
	if err != nil || other != 2 {
		t.Fatalf("%d other pairs, %v", other, err)
	}
	if !slices.Equal(got.ByClass[1], []int{2, 0}) || !slices.Equal(got.ByClass[2], []int{1, 0}) || len(got.ByClass[4]) != 0 || len(got.Images) != 5 {
		t.Errorf("supports %v, queries %v", got.ByClass, got.Images)
	}
}

func TestCachesThatDoNotFit(t *testing.T) {
	_, src, fold := cacheTree(t)
	opt := IndexOptions{Split: Val, MinArea: 2}
	ix, err := BuildIndex(context.Background(), src, fold, opt)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(ClassList)
		want   string
	}{
		"another fold":  {func(c ClassList) { delete(c, 1); c[6] = nil }, "[2 3 4 5 6], expected those of fold 0"},
		"another list":  {func(c ClassList) { c[1][0].Image = "x.jpg" }, "class 1: x.jpg"},
		"prefix":        {func(c ClassList) { c[1][0].Image = "../VOC2012/" + c[1][0].Image }, `without "../VOC2012/": remove that`},
		"twice":         {func(c ClassList) { c[1] = append(c[1], c[1][0]) }, "twice"},
		"another class": {func(c ClassList) { c[5] = append(c[5], c[1][0]) }, "does not show class 5"},
	} {
		classes := classListFrom(src, ix)
		c.change(classes)
		_, _, err := BuildCachedIndex(context.Background(), src, classes, "sub.txt", fold, opt)
		if err == nil || !strings.Contains(err.Error(), "sub.txt") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one about %q", name, err, c.want)
		}
	}
	fold1, err := PASCAL5i(1)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = BuildCachedIndex(context.Background(), src, ClassList{6: nil, 7: nil, 8: nil, 9: nil, 10: nil}, "sub.txt", fold1, opt)
	if err == nil || !strings.Contains(err.Error(), "shows none of the classes [6 7 8 9 10]") {
		t.Errorf("a query of no class: error %v", err)
	}
}

func TestClassListOf(t *testing.T) {
	r := newTree(t)
	r.write("data_list_0.txt", []byte("x"))
	r.write("sub_class_file_list_0.txt", []byte("{}"))
	r.write("data_list_1.txt", []byte("x"))
	r.write("val.txt", []byte("x"))
	if got, want := ClassListOf(filepath.Join(r.root, "data_list_0.txt")), filepath.Join(r.root, "sub_class_file_list_0.txt"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, list := range []string{"data_list_1.txt", "val.txt"} {
		if got := ClassListOf(filepath.Join(r.root, list)); got != "" {
			t.Errorf("%s: got %q", list, got)
		}
	}
}

// TestListOfAnotherDataRoot: a list that was written for another folder is read.
func TestListOfAnotherDataRoot(t *testing.T) {
	for _, prefix := range []string{"VOC2012/", "../data/VOCdevkit2012/VOC2012/", "/home/somebody/VOC2012/", `C:\data\VOC2012/`} {
		r := newTree(t)
		r.pair("a", 2, 1, grayMask(0, 1))
		if _, err := r.open(); err != nil {
			t.Fatal(err)
		}
		text := strings.Fields(r.list.String())
		r.write("other.txt", []byte(prefix+text[0]+" "+prefix+text[1]+"\n"))
		src, err := OpenList(filepath.Join(r.root, "other.txt"), r.root, 20)
		if err != nil {
			t.Errorf("%s: %v", prefix, err)
			continue
		}
		if scene, err := src.Load(0); err != nil || !slices.Equal(scene.Mask, []uint8{0, 1}) {
			t.Errorf("%s: %v, %v", prefix, scene, err)
		}
	}
}
