package coco

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/labelmap"
)

// made is an instances file of one 4×3 image (width×height) with these annotations.
func made(annotations string) string {
	return `{"images":[{"id":7,"file_name":"a.jpg","height":3,"width":4}],
"categories":[{"id":9,"name":"cat"},{"id":2,"name":"dog"}],"annotations":[` + annotations + `]}`
}

func picture(pix []uint8, w int) string {
	var s strings.Builder
	for i, v := range pix {
		if i > 0 && i%w == 0 {
			s.WriteByte('/')
		}
		s.WriteByte('0' + v)
	}
	return s.String()
}

func TestMaskOrderAndValues(t *testing.T) {
	square := `"segmentation":[[0,0,2,0,2,2,0,2]]`
	for _, c := range []struct{ name, annotations, all, first string }{
		{"nothing", ``, "0000/0000/0000", "0000/0000/0000"},
		{"places of sorted ids", `{"id":1,"image_id":7,"category_id":9,` + square + `}`, "2200/2200/0000", "2220/2220/2220"},
		{"later over earlier, whatever the ids", `{"id":5,"image_id":7,"category_id":9,` + square + `},{"id":1,"image_id":7,"category_id":2,"segmentation":[[1,1,4,1,4,3,1,3]]}`,
			"2200/2111/0111", "2220/2111/2111"},
		{"crowds left out", `{"id":1,"image_id":7,"category_id":9,"iscrowd":1,` + square + `},{"id":2,"image_id":7,"category_id":9,"iscrowd":true,"segmentation":5},
			{"id":3,"image_id":7,"category_id":2,"iscrowd":false,"segmentation":{"size":[3,4],"counts":[9,3]}}`, "0001/0001/0001", "0001/0001/0001"},
		{"several parts", `{"id":1,"image_id":7,"category_id":2,"segmentation":[[0,0,1,0,1,3,0,3],[2,0,4,0,4,1,2,1],[]]}`, "1011/1000/1000", "1100/1100/1100"},
		{"RLE, both kinds", `{"id":1,"image_id":7,"category_id":2,"segmentation":{"size":[3,4],"counts":[0,1,10,1]}},
			{"id":2,"image_id":7,"category_id":9,"segmentation":{"counts":"417","size":[3,4]}}`, "1000/0200/0001", "1000/0200/0001"},
	} {
		s, err := read(made(c.annotations))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for mode, want := range map[Mode]string{AllPolygons: c.all, FirstPolygon: c.first} {
			pix, counted, err := s.Mask(mode, 3, 4, 0)
			if got := picture(pix, 4); got != want || err != nil || counted.LeftOut() != 0 {
				t.Errorf("%s: %v: %s, want %s; %+v, %v", c.name, mode, got, want, counted, err)
			}
		}
	}
	s, err := read("\xef\xbb\xbf " + made(`{"id":1,"image_id":7,"category_id":2}, {"id":2,"image_id":7,"category_id":2,"segmentation":[]},
		{"id":3,"image_id":7,"category_id":2,"segmentation":null},{"id":4,"image_id":7,"category_id":2,`+square+`}`))
	if err != nil {
		t.Fatal(err)
	}
	pix, counted, err := s.Mask(AllPolygons, 3, 4, 0)
	if picture(pix, 4) != "1100/1100/0000" || counted.Used != 1 || counted.LeftOut() != 3 || counted.Left[0].Why != whyNoSegmentation || err != nil {
		t.Errorf("no segmentations: %s, %+v, %v", picture(pix, 4), counted, err)
	}
	if names := s.ClassNames(); len(names) != 2 || names[0] != "dog" || names[1] != "cat" {
		t.Errorf("class names %q", names)
	}
}

func TestCrowds(t *testing.T) {
	text := made(`{"id":"k","image_id":7,"category_id":9,"iscrowd":1,"segmentation":{"size":[3,4],"counts":[0,3,9]}},
		{"id":2,"image_id":7,"category_id":2,"iscrowd":"0","segmentation":{"size":[3,4],"counts":[9,3]}}`)
	for crowds, want := range map[Crowds]string{SkipCrowds: "0001/0001/0001", DrawCrowds: "2001/2001/2001", IgnoreCrowds: "i001/i001/i001"} {
		s, err := readSet(context.Background(), strings.NewReader(text), int64(len(text)), "a.json", Options{Crowds: crowds})
		if err != nil {
			t.Fatal(err)
		}
		pix, counted, err := s.Mask(AllPolygons, 3, 4, 0)
		for i, v := range pix {
			if v == labelmap.Ignore {
				pix[i] = 'i' - '0'
			}
		}
		if got := picture(pix, 4); err != nil || got != want || s.Crowds != 1 {
			t.Errorf("%v: %q, want %s, %v", crowds, got, want, err)
		}
		skipped := s.Tally.LeftOut()
		if s.Tally.Read != 2 || counted.Used+skipped != 2 || (crowds == SkipCrowds) != (skipped == 1) {
			t.Errorf("%v: %+v and %+v", crowds, s.Tally, counted)
		}
		if crowds == SkipCrowds && s.Tally.Left[0].First[0] != "annotation k of a.jpg" {
			t.Errorf("the crowd is named %q", s.Tally.Left[0].First)
		}
		if got, err := ParseCrowds(crowds.String()); got != crowds || err != nil {
			t.Errorf("%v: %v, %v", crowds, got, err)
		}
	}
	if _, err := ParseCrowds("no"); err == nil || !strings.Contains(err.Error(), "draw, ignore or skip") {
		t.Error(err)
	}
}

// TestRecordsLeftOut: one bad record costs itself alone, and is named.
func TestRecordsLeftOut(t *testing.T) {
	text := `{"images":[{"id":"A","file_name":"a.png","height":3.0,"width":"4"},{"id":1,"file_name":"b.png"},{"id":1.0,"file_name":"b.png"},{"file_name":"x"},5,
		{"id":3,"file_name":"c.png","height":3,"width":4},{"id":3,"file_name":"d.png","height":3,"width":4},{"id":4,"file_name":7,"height":-1,"width":4}],
		"categories":[{"id":10,"name":"cup"},{"id":9,"name":5},{"id":"10","name":"cup"},{"name":"x"},{"id":0,"name":"things","supercategory":"none"},{"id":11,"name":"bowl","supercategory":"things"},null],
		"annotations":[{"image_id":"A","category_id":10,"segmentation":[0,0,2,0,2,2,0,2]},{"id":5,"image_id":99,"category_id":10},{"id":6,"image_id":1,"category_id":99},
		{"id":7,"image_id":1},"x",{"id":8,"image_id":3,"category_id":10},{"id":8,"image_id":true,"category_id":9.0,"segmentation":[[[0,0],[2,0],[2,2],[0,2]]]}]}`
	s, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	if want := []Image{{"A", "a.png", 3, 4}, {"1", "b.png", 0, 0}, {"4", "7", 0, 0}}; !slices.Equal(s.Images, want) {
		t.Errorf("images %+v", s.Images)
	}
	if names := s.ClassNames(); !slices.Equal(names, []string{"5", "cup", "bowl"}) {
		t.Errorf("classes %q", names)
	}
	for i, want := range []string{"2200/2200/0000", "1100/1100/0000"} {
		pix, _, err := s.Mask(AllPolygons, 3, 4, i)
		if err != nil || picture(pix, 4) != want {
			t.Errorf("image %d: %s, %v", i, picture(pix, 4), err)
		}
	}
	said := fmt.Sprintf("%+v", s.Tally)
	for _, want := range []string{"annotation 5: image_id 99", "annotation 6 of b.png: category_id 99", "annotations[3] (id 7)", "annotations[4]: \"x\"", "annotation 8: image_id 3",
		"images[3]", "images[4]: 5", "image id 3: c.png; image id 3: d.png", "categories[3]", "category id 0: things", "image id 1: b.png"} {
		if !strings.Contains(said, want) {
			t.Errorf("the tally lacks %q: %s", want, said)
		}
	}
	if s.Tally.Read != 7 {
		t.Errorf("%d annotations read", s.Tally.Read)
	}
}

// TestSpecialCategories: objects named background and ignore are drawn as 0 and 255.
func TestSpecialCategories(t *testing.T) {
	square := func(category, x int) string {
		return fmt.Sprintf(`{"image_id":1,"category_id":%d,"segmentation":[[%d,0,4,0,4,3,%d,3]]}`, category, x, x)
	}
	s, err := read(`{"images":[{"id":1,"file_name":"a"}],"categories":[{"id":1,"name":"__ignore__"},{"id":2,"name":"cup"},{"id":3,"name":"Background"}],
		"annotations":[` + square(2, 0) + `,` + square(3, 1) + `,` + square(1, 3) + `]}`)
	if err != nil || !slices.Equal(s.ClassNames(), []string{"cup"}) {
		t.Fatal(s, err)
	}
	pix, counted, err := s.Mask(AllPolygons, 3, 4, 0)
	if want := []uint8{1, 0, 0, labelmap.Ignore}; err != nil || counted.Used != 3 || !bytes.Equal(pix, slices.Concat(want, want, want)) {
		t.Errorf("%v, %+v, %v", pix, counted, err)
	}
}

// TestRootClass: Roboflow's name of the whole set is no class, a class without objects is.
func TestRootClass(t *testing.T) {
	for categories, want := range map[string]string{
		`{"id":0,"name":"cup","supercategory":"none"},{"id":1,"name":"cup","supercategory":"cup"},{"id":2,"name":"spoon","supercategory":"cup"}`: "cup spoon",
		`{"id":0,"name":"things"},{"id":1,"name":"cup","supercategory":"things"}`:                                                                "cup",
		`{"id":0,"name":"fork","supercategory":"none"},{"id":1,"name":"cup","supercategory":"things"}`:                                           "fork cup",
		`{"id":0,"name":"person","supercategory":"person"},{"id":1,"name":"cup","supercategory":"person"}`:                                       "person cup",
	} {
		s, err := read(`{"images":[{"id":1,"file_name":"a"}],"categories":[` + categories + `],"annotations":[{"image_id":1,"category_id":1}]}`)
		if err != nil || strings.Join(s.ClassNames(), " ") != want {
			t.Errorf("%s: %q, %v", categories, s.ClassNames(), err)
		}
	}
}

// TestUTF16: places in the file are those of the text that is drawn.
func TestUTF16(t *testing.T) {
	text := made(`{"id":1,"image_id":7,"category_id":2,"segmentation":{"size":[3,4],"counts":[0,1,11]}}`)
	wide := []byte{0xfe, 0xff}
	for _, c := range []byte(text) {
		wide = append(wide, 0, c)
	}
	s, err := read(string(wide))
	if err != nil {
		t.Fatal(err)
	}
	if pix, _, err := s.Mask(AllPolygons, 3, 4, 0); err != nil || picture(pix, 4) != "1000/0000/0000" {
		t.Errorf("%s, %v", picture(pix, 4), err)
	}
}

func TestAnnotationsMayComeFirst(t *testing.T) {
	text := `{"x":{"y":[1,{"z":[]}]},"annotations":[{"id":1,"image_id":7,"category_id":2,"segmentation":{"size":[1,2],"counts":[1,1]}}],"categories":[{"id":2,"name":"dog"}],"images":[{"id":7,"file_name":"a.jpg","height":1,"width":2}],"n":null}`
	s, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	pix, _, err := s.Mask(AllPolygons, 1, 2, 0)
	if picture(pix, 2) != "01" || err != nil {
		t.Errorf("%v, %v", pix, err)
	}
	sum := sha256.Sum256([]byte(text))
	if s.Checksum != hex.EncodeToString(sum[:]) {
		t.Errorf("checksum %s", s.Checksum)
	}
}

func TestBadFiles(t *testing.T) {
	one := `{"id":1,"image_id":7,"category_id":2}`
	images := func(s string) string {
		return `{"images":[` + s + `],"categories":[{"id":2,"name":"dog"}],"annotations":[]}`
	}
	categories := func(s string) string {
		return `{"images":[{"id":7,"file_name":"a.jpg","height":1,"width":1}],"categories":[` + s + `],"annotations":[]}`
	}
	var many []string
	for i := range maxCategories + 1 {
		many = append(many, fmt.Sprintf(`{"id":%d,"name":"c%d"}`, i, i))
	}
	for _, c := range []struct{ text, want string }{
		{``, "ends in the middle"},
		{`[]`, "expected an object"},
		{`{}`, `no list "images"`},
		{`{"images":{}}`, "expected a list"},
		{made(one)[:150], "ends in the middle"},
		{made(one) + `x`, "something follows"},
		{images(``), "no images"},
		{categories(``), "no categories"},
		{categories(`{"id":1,"name":"a"},{"id":1,"name":"b"}`), `category id 1 is there twice ("a" and "b")`},
		{categories(strings.Join(many, ",")), "255 categories, but only 254"},
		{made(`{"id":3,"image_id":7,"category_id":2},{"id":4,"area":NAN}`), "annotations[1] (after id 3): not JSON"},
		{images(`{"id":7,"file_name":"a.jpg"},{"id":7.0,"file_name":"b.jpg"}`), "no images"},
		{categories(`{"id":"c"}`), "no categories"},
		{made("{\"x\":\"\xb1\xad\xd7\xd3\"}"), ":2: byte 0xB1 is no UTF-8; the text is likely GB18030"},
		{`{"images":[],"images":[]}`, `"images" is there twice`},
		{`{"x":` + strings.Repeat("[", maxDepth+1), "nested more than"},
		{`{"x":"` + strings.Repeat("a", maxValue), "longer than 16 MiB"},
		{made(`{"id":3,"segmentation":[` + strings.Repeat("[],", maxValue/3)), "longer than 16 MiB"},
	} {
		_, err := read(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "a.json:") {
			t.Errorf("%.120s: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestBadSegmentations(t *testing.T) {
	for segmentation, want := range map[string]string{
		`[[0,0,1,1,2,1e7]]`:   "polygon 0: coordinate 1e+07",
		`[[0,0,1,1,2,1e999]]`: "1e999",
		`[[0,0,1,1,2,null]]`:  "null",
		`[[0,0,1,1,2,"x"]]`:   `place 5: "x", expected a number`,
		`[[0,0,1,1,NaN,2]]`:   "place 4: NaN, infinity or empty text, expected a number",
		`[[[0,0],[1]]]`:       "polygon 0: place 1",
		`"x"`:                 "expected a list of polygons or an RLE",
		`true`:                "expected a list of polygons or an RLE",
		`[` + strings.Repeat("[],", maxParts) + `[]]`: "65537 polygons",
		`{"size":[3,4]}`:                                                    "without counts",
		`{"size":[3,4],"counts":null}`:                                      "without counts",
		`{"size":[4,3],"counts":[12]}`:                                      "RLE of size [4 3], the image's is [3 4]",
		`{"size":[-3,-4],"counts":[12]}`:                                    "RLE of size [-3 -4]",
		`{"counts":[12]}`:                                                   "RLE of size []",
		`{"size":[3,4],"counts":[11]}`:                                      "add up to 11, expected 12",
		`{"size":[3,4],"counts":[]}`:                                        "add up to 0",
		`{"size":[3,4],"counts":[6,7]}`:                                     "a count of 7 after 6 of 12",
		`{"size":[3,4],"counts":[6,-1,7]}`:                                  "a count of -1",
		`{"size":[3,4],"counts":[null,12]}`:                                 "null",
		`{"size":[3,4],"counts":["x",12]}`:                                  "counts",
		`{"size":[3,4],"counts":[1.5]}`:                                     "a count of 1.5",
		`{"size":[3,4],"counts":[9223372036854775807,9223372036854775807]}`: "a count of 9.2",
		`{"size":[3,4],"counts":"\u0001"}`:                                  "character",
		`{"size":[3,4],"counts":"o"}`:                                       "ends in the middle",
		`{"size":[3,4],"counts":"oooooooooooooo0"}`:                         "does not fit into 32 bits",
		`{"size":[3,4],"counts":"O"}`:                                       "a count of -1",
		`{"size":[3,4],"counts":"3"}`:                                       "add up to 3",
	} {
		s, err := read(made(`{"id":3,"image_id":7,"category_id":2,"segmentation":` + segmentation + `}`))
		if err != nil {
			t.Errorf("%.80s: %v", segmentation, err)
			continue
		}
		pix, counted, err := s.Mask(AllPolygons, 3, 4, 0)
		if err != nil || counted.LeftOut() != 1 || counted.Used != 0 || bytes.Count(pix, []byte{0}) != 12 {
			t.Errorf("%.80s: %+v, %v", segmentation, counted, err)
			continue
		}
		if r := counted.Left[0]; r.Why != whyUnreadable || !strings.HasPrefix(r.First[0], "annotation 3 of a.jpg: ") || !strings.Contains(r.First[0], want) {
			t.Errorf("%.80s: %+v, want %q", segmentation, r, want)
		}
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(context.Background(), dir, Options{}); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Error(err)
	}
	if _, err := Open(context.Background(), filepath.Join(dir, "none.json"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	path := filepath.Join(dir, "a.json")
	text := made(`{"id":3,"image_id":7,"category_id":2,"segmentation":[]}`)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var got, all int64
	s, err := Open(ctx, path, Options{Progress: func(read, size int64) { got, all = read, size }})
	if err != nil || got != int64(len(text)) || all != got {
		t.Fatalf("%d of %d bytes, %v", got, all, err)
	}
	cancel()
	if _, err := Open(ctx, path, Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(text, `"id":3`, `"id":4`, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Mask(AllPolygons, 3, 4, 0); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Error(err)
	}
	if err := os.Truncate(path, 10); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Mask(AllPolygons, 3, 4, 0); err == nil || !strings.Contains(err.Error(), "cannot be read again") {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestModeNames(t *testing.T) {
	for _, m := range []Mode{AllPolygons, FirstPolygon} {
		if got, err := ParseMode(m.String()); err != nil || got != m {
			t.Errorf("%v: %v, %v", m, got, err)
		}
	}
	if _, err := ParseMode("polygons"); err == nil || !strings.Contains(err.Error(), "all-polygons or first-polygon") {
		t.Error(err)
	}
}

// Far away points cost nothing and draw as their definition says.
func TestPolygonIsItsWalk(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for range 2000 {
		h, w := 1+r.Intn(40), 1+r.Intn(40)
		xy := make([]float64, 2*(1+r.Intn(8)))
		for i := range xy {
			xy[i] = float64(r.Intn(8000)-2000) / 100
			if r.Intn(10) == 0 {
				xy[i] = float64(r.Intn(2000) - 1000)
			}
		}
		c := newCanvas(h, w)
		c.polygon(xy, 1)
		if want := walked(xy, h, w); !bytes.Equal(c.pix, want) {
			t.Fatalf("%v in %d×%d: %s, want %s", xy, h, w, picture(c.pix, w), picture(want, w))
		}
	}
	c := newCanvas(3, 3)
	c.polygon([]float64{-1e6, -1e6, 1e6, -1e6, 1e6, 1e6, -1e6, 1e6}, 1)
	c.fillPoly([]int{-1000000, -1000000, 1000000, -1000000, 1000000, 1000000, -1000000, 1000000}, 1)
	if got := picture(c.pix, 3); got != "111/111/111" {
		t.Error(got)
	}
}

// What stays of an annotation is small, however long its text is.
func TestMemory(t *testing.T) {
	const n = 3000
	var text strings.Builder
	for i := range n {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `{"id":%d,"image_id":7,"category_id":2,"segmentation":[[%s0,0]]}`, i, strings.Repeat("1.25,2.75,", 500))
	}
	source := strings.NewReader(made(text.String()))
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	s, err := readSet(context.Background(), source, source.Size(), "a.json", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if kept := heap() - before; kept > 40*n || s.Instances(0) != n {
		t.Errorf("%d bytes stay of %d for %d annotations", kept, source.Size(), s.Instances(0))
	}
	runtime.KeepAlive(source)
}

// TestDrawPolygon: a polygon on its own is drawn as in an annotation, over what is there.
func TestDrawPolygon(t *testing.T) {
	pix := []uint8{9, 9, 9, 9, 9, 9, 9, 9}
	if painted, err := DrawPolygon(pix, 2, 4, []float64{1, -5, 3, -5, 3, 1, 1, 1}, 7); err != nil || !painted {
		t.Fatal(painted, err)
	}
	if painted, err := DrawPolygon(pix, 2, 4, []float64{9, 9, 12, 9, 12, 12}, 7); err != nil || painted {
		t.Error("a polygon outside is said to be drawn", err)
	}
	if want := []uint8{9, 7, 7, 9, 9, 9, 9, 9}; !bytes.Equal(pix, want) {
		t.Errorf("got %v, want %v", pix, want)
	}
	for _, bad := range [][]float64{{1, 2, 3}, {0, 0, math.NaN(), 1}, {0, 0, 1, -2e6}} {
		if _, err := DrawPolygon(pix, 2, 4, bad, 1); err == nil {
			t.Errorf("%v is drawn without an error", bad)
		}
	}
}

// TestTextIDsWithZeros: a table whose column held blanks makes "12.0" of 12.
func TestTextIDsWithZeros(t *testing.T) {
	for raw, want := range map[string]ID{`"12.0"`: "12", `12.00`: "12", `"12."`: "12", `"12"`: "12", `"012"`: "012", `"12.5"`: "12.5", `"v1.0"`: "v1.0", `".0"`: ".0"} {
		if id, ok := parseID([]byte(raw)); id != want || !ok {
			t.Errorf("%s: %q, %v; want %q", raw, id, ok, want)
		}
	}
}
