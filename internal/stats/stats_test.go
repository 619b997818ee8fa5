package stats

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image/color"
	"math"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/image/font"

	"hdmnet/internal/data"
)

// canvas is a source of white pictures; picture i is [h,w] and shows a class in its first
// rows, as many as the mask says.
type canvas []struct {
	h, w int
	rows map[int]int // class → rows
}

func (c canvas) Len() int { return len(c) }
func (c canvas) Name(i int) string {
	return fmt.Sprintf("folder/with/a/very/long/name/picture%03d.jpg", i)
}
func (c canvas) Size(i int) (h, w int, err error) { return c[i].h, c[i].w, nil }

func (c canvas) LoadMask(i int) ([]uint8, error) {
	s, err := c.Load(i)
	if err != nil {
		return nil, err
	}
	return s.Mask, nil
}

func (c canvas) Load(i int) (*data.Scene, error) {
	p := c[i]
	if p.rows == nil {
		return nil, errors.New(c.Name(i) + ": damaged")
	}
	s := &data.Scene{Name: c.Name(i), H: p.h, W: p.w, Image: bytes.Repeat([]byte{255}, p.h*p.w*3), Mask: make([]uint8, p.h*p.w)}
	at := 0
	for class := range 256 {
		for range p.rows[class] * p.w {
			s.Mask[at] = uint8(class)
			at++
		}
	}
	return s, nil
}

func fold0(t *testing.T) data.Fold {
	t.Helper()
	f, err := data.PASCAL5i(0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSide(t *testing.T) {
	src := canvas{
		{10, 20, map[int]int{1: 4, 255: 2}},
		{20, 10, map[int]int{1: 1, 6: 5}},
		{10, 10, map[int]int{6: 5, 7: 1}},
	}
	var first *Pictures
	for _, workers := range []int{1, 3} {
		p, err := Read(context.Background(), src, workers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = p
		} else if !reflect.DeepEqual(p, first) {
			t.Error("the result depends on the number of workers")
		}
	}
	val := first.Side(fold0(t), data.IndexOptions{Split: data.Val, MinArea: 20})
	if val.Pictures != 3 || val.Queries != 1 || val.Pairs != 1 || val.Width != (Range{10, 10, 20}) || val.Height != (Range{10, 10, 20}) {
		t.Errorf("val: %+v", val)
	}
	// 500 pixels: 40 ignored, 80 + 10 of class 1, 50 + 50 of class 6, 10 of class 7.
	if math.Abs(val.Ignored-40.0/500) > 1e-12 || math.Abs(val.Background-260.0/500) > 1e-12 {
		t.Errorf("ignored %v, background %v", val.Ignored, val.Background)
	}
	want := map[int]Class{
		1:  {ID: 1, Name: "aeroplane", Novel: true, Shown: 2, Large: 1, Share: 90.0 / 500, Supports: 1},
		2:  {ID: 2, Name: "bicycle", Novel: true},
		6:  {ID: 6, Name: "bus", Shown: 2, Large: 2, Share: 100.0 / 500, Supports: -1},
		7:  {ID: 7, Name: "car", Shown: 1, Share: 10.0 / 500, Supports: -1},
		20: {ID: 20, Name: "tvmonitor", Supports: -1},
	}
	for id, w := range want {
		if got := val.Classes[id-1]; got != w {
			t.Errorf("class %d: %+v, want %+v", id, got, w)
		}
	}
	train := first.Side(fold0(t), data.IndexOptions{Split: data.Train, MinArea: 20, FilterIntersection: true})
	if train.Queries != 1 || train.Pairs != 1 || train.Classes[5].Supports != 1 || train.Classes[5].Large != 2 || train.Classes[0].Supports != -1 || train.Classes[6].Supports != 0 {
		t.Errorf("train: %+v", train)
	}
	src[1].rows = nil
	if _, err := Read(context.Background(), src, 2, nil); err == nil || !strings.Contains(err.Error(), "picture001.jpg: damaged") {
		t.Errorf("damaged picture: error %v", err)
	}
}

func TestSheet(t *testing.T) {
	src := canvas{
		{100, 100, map[int]int{1: 50}},
		{360, 400, map[int]int{1: 90, 6: 90}},
		{40, 400, map[int]int{2: 10}},
		{100, 100, nil},
	}
	fold := fold0(t)
	sheet, err := Sheet(src, fold, []data.Draw{
		{Query: 0, Class: 1, Supports: []int{1, 2}},
		{Query: 1, Class: 6, Supports: make([]int, 12)},
	})
	if err != nil {
		t.Fatal(err)
	}
	const row = titleLine + tileHeight + nameLine + margin
	// Second row: a query 200 wide and 8 supports 180 wide.
	if w, h := sheet.Rect.Dx(), sheet.Rect.Dy(); w != margin+200+margin+8*(180+margin) || h != margin+2*row {
		t.Errorf("sheet of %d×%d pixels", w, h)
	}
	tinted := func(x, y int) bool {
		c := sheet.NRGBAAt(x, y)
		return c.R > 250 && c.G < 180 && c.B < 180
	}
	at := func(r, x, y int) (int, int) { return margin + x, margin + r*row + titleLine + y }
	for _, c := range []struct {
		r, x, y int
		want    bool
	}{
		{0, 90, 40, true}, {0, 90, 130, false}, // query: upper half
		{0, 180 + margin + 100, 20, true}, {0, 180 + margin + 100, 70, false}, // first support: upper quarter
		{0, 180 + margin + 200 + margin + 160, 165, false}, // second support, 32 high at the bottom: another class
		{1, 100, 20, false}, {1, 100, 70, true}, // query: second quarter
	} {
		if x, y := at(c.r, c.x, c.y); tinted(x, y) != c.want {
			t.Errorf("row %d at %d,%d is %v", c.r, c.x, c.y, sheet.NRGBAAt(x, y))
		}
	}
	outline, text := 0, map[color.NRGBA]int{}
	for i := 0; i < len(sheet.Pix); i += 4 {
		c := color.NRGBA{sheet.Pix[i], sheet.Pix[i+1], sheet.Pix[i+2], sheet.Pix[i+3]}
		if c.R > 200 && c.G > 180 && c.B < 120 { // overlay.Line, blended when scaled
			outline++
		}
		text[c]++
	}
	if outline == 0 || text[ink] == 0 || text[faint] == 0 {
		t.Errorf("%d pixels of outline, %d of titles, %d of names", outline, text[ink], text[faint])
	}
	if _, err := Sheet(src, fold, []data.Draw{{Query: 3, Class: 1}}); err == nil || !strings.Contains(err.Error(), "picture003") {
		t.Errorf("damaged picture: error %v", err)
	}
}

func TestFit(t *testing.T) {
	f, err := newFaces()
	if err != nil {
		t.Fatal(err)
	}
	name := "JPEGImages/2007_000032.jpg"
	if got := fit("query ", name, 500, f.name); got != "query "+name {
		t.Errorf("enough room: %q", got)
	}
	got := fit("query ", name, 100, f.name)
	if !strings.HasPrefix(got, "query …") || !strings.HasSuffix(got, "32.jpg") || font.MeasureString(f.name, got).Ceil() > 100 {
		t.Errorf("little room: %q", got)
	}
	if got := fit("query ", name, 1, f.name); got != "query …" {
		t.Errorf("no room: %q", got)
	}
}

func TestWriteHTML(t *testing.T) {
	var b bytes.Buffer
	content := []byte("\x89PNG and more")
	if err := WriteHTML(&b, Page{Title: "a <b>", Table: "1 < 2", About: "first \"two\"", PNG: content}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<h1>a &lt;b&gt;</h1>", "<pre>1 &lt; 2</pre>", `src="data:image/png;base64,` + base64.StdEncoding.EncodeToString(content) + `"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}
