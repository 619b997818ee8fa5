package data

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree is a data root made for one test.
type tree struct {
	t    *testing.T
	root string
	list strings.Builder
}

func newTree(t *testing.T) *tree { return &tree{t: t, root: t.TempDir()} }

func (r *tree) write(name string, content []byte) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.root, name), content, 0o666); err != nil {
		r.t.Fatal(err)
	}
}

func (r *tree) open() (*ListSource, error) {
	r.t.Helper()
	r.write("list.txt", []byte(r.list.String()))
	return OpenList(filepath.Join(r.root, "list.txt"), r.root, 20)
}

// pair adds a JPEG of w×h and a mask to the list.
func (r *tree) pair(stem string, w, h int, mask image.Image) {
	r.t.Helper()
	r.write(stem+".jpg", encodeJPEG(r.t, w, h))
	r.write(stem+".png", encodePNG(r.t, mask))
	fmt.Fprintf(&r.list, "%s.jpg %s.png\n", stem, stem)
}

func encodeJPEG(t testing.TB, w, h int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = uint8(i * 7)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodePNG(t testing.TB, img image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// grayMask is an 8-bit gray mask with the values given, one row.
func grayMask(values ...uint8) *image.Gray {
	m := image.NewGray(image.Rect(0, 0, len(values), 1))
	copy(m.Pix, values)
	return m
}

// paletteMask holds the values as palette indices whose colors mislead.
func paletteMask(values ...uint8) *image.Paletted {
	colors := make(color.Palette, 256)
	for i := range colors {
		colors[i] = color.RGBA{uint8(255 - i), uint8(i * 3), 7, 255}
	}
	m := image.NewPaletted(image.Rect(0, 0, len(values), 1), colors)
	copy(m.Pix, values)
	return m
}

func TestListSourceReadsBothKindsOfMask(t *testing.T) {
	r := newTree(t)
	values := []uint8{0, 1, 20, 255, 7}
	r.pair("gray", 5, 1, grayMask(values...))
	r.pair("palette", 5, 1, paletteMask(values...))
	src, err := r.open()
	if err != nil {
		t.Fatal(err)
	}
	if src.Len() != 2 || src.Name(1) != "palette.jpg" {
		t.Fatalf("%d pictures, the second is %s", src.Len(), src.Name(1))
	}
	for i := range 2 {
		s, err := src.Load(i)
		if err != nil {
			t.Fatal(err)
		}
		m, err := src.LoadMask(i)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(s.Mask, values) || !slices.Equal(m, values) || s.H != 1 || s.W != 5 || len(s.Image) != 15 {
			t.Errorf("%s: %d×%d, mask %v, %v", s.Name, s.H, s.W, s.Mask, m)
		}
	}
}

func TestListSourceErrors(t *testing.T) {
	good := grayMask(0, 1, 2)
	gray16 := image.NewGray16(image.Rect(0, 0, 3, 1))
	gray16.SetGray16(1, 0, color.Gray16{Y: 300})
	painted := image.NewRGBA(image.Rect(0, 0, 3, 1))
	painted.Set(2, 0, color.RGBA{10, 20, 30, 255})
	for name, c := range map[string]struct {
		make func(r *tree)
		want []string
	}{
		"value out of range": {func(r *tree) { r.pair("p", 3, 1, grayMask(0, 1, 77)) }, []string{"p.png", "value 77 at column 2, row 0", "0..20"}},
		"another size":       {func(r *tree) { r.pair("p", 4, 2, good) }, []string{"p.jpg is 4×2", "p.png is 3×1"}},
		"16-bit mask":        {func(r *tree) { r.pair("p", 3, 1, gray16) }, []string{"p.png", "value 300 at column 1, row 0"}},
		"color mask":         {func(r *tree) { r.pair("p", 3, 1, painted) }, []string{"p.png", "(10,20,30) at column 2, row 0", "--mask-colors", "data prepare masks"}},
		"JPEG mask":          {func(r *tree) { r.pair("p", 3, 1, good); r.write("p.png", encodeJPEG(r.t, 3, 1)) }, []string{"p.png", "JPEG", "as PNG"}},
		"truncated mask": {func(r *tree) {
			r.pair("p", 3, 1, good)
			r.write("p.png", encodePNG(r.t, good)[:45])
		}, []string{"p.png", "cut short"}},
		"text as image": {func(r *tree) { r.pair("p", 3, 1, good); r.write("p.jpg", []byte("hello")) }, []string{"p.jpg", "not a picture", "expected JPEG, PNG"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTree(t)
			r.pair("fine", 3, 1, good)
			c.make(r)
			src, err := r.open()
			if err != nil {
				t.Fatal(err)
			}
			_, errLoad := src.Load(1)
			_, errIndex := BuildIndex(context.Background(), src, fold0(t), IndexOptions{MinArea: 1})
			for _, err := range []error{errLoad, errIndex} {
				for _, want := range c.want {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("error %v, want one with %q", err, want)
					}
				}
			}
		})
	}
}

// A damaged PNG may have a good header, so it is found where it is decoded: by the loader.
func TestDamagedPictureReachesNext(t *testing.T) {
	r := newTree(t)
	for _, stem := range []string{"a", "b", "c"} {
		r.pair(stem, 32, 1, grayMask(make([]uint8, 32)...))
	}
	r.write("b.jpg", encodePNG(t, grayMask(make([]uint8, 32)...))[:60])
	src, err := r.open()
	if err != nil {
		t.Fatal(err)
	}
	l := newLoader(t, LoaderOptions{Source: src, Index: AllImages(src, fold0(t), Val), Stage: Base, Size: 8, Batch: 1, Workers: 2})
	take(t, l, 1)
	_, err = l.Next(context.Background())
	for _, want := range []string{filepath.Join(r.root, "b.jpg"), "cut short"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// Absolute paths in a list are not put under the root.
func TestListTakesAbsolutePaths(t *testing.T) {
	files, lists := newTree(t), newTree(t)
	files.pair("p", 3, 1, grayMask(0, 1, 2))
	stem := filepath.Join(files.root, "p")
	fmt.Fprintf(&lists.list, "%s.jpg\t%s.png\n", stem, stem)
	src, err := lists.open()
	if err != nil {
		t.Fatal(err)
	}
	s, err := src.Load(0)
	if err != nil || s.Name != stem+".jpg" || !slices.Equal(s.Mask, []uint8{0, 1, 2}) {
		t.Errorf("scene %+v, error %v", s, err)
	}
}

func TestOpenListNamesMissingFiles(t *testing.T) {
	r := newTree(t)
	r.pair("here", 3, 1, grayMask(0, 1, 2))
	for i := range 9 {
		fmt.Fprintf(&r.list, "gone%d.jpg here.png\n", i)
	}
	_, err := r.open()
	for _, want := range []string{"9 files", "list.txt:2:", "gone0.jpg", "list.txt:6:", "and 4 more", r.root} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if _, err := OpenList(filepath.Join(r.root, "no.txt"), r.root, 20); err == nil || !strings.Contains(err.Error(), "no.txt") {
		t.Errorf("missing list: error %v", err)
	}
	if _, err := OpenList(filepath.Join(r.root, "list.txt"), r.root, 0); err == nil || !strings.Contains(err.Error(), "0 classes") {
		t.Errorf("no classes: error %v", err)
	}
}
