package predict

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"hdmnet/internal/annotate"
	"hdmnet/internal/picture"
)

func TestParseSupport(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a:1.png"), filepath.Join(dir, "b.png")
	save(t, a, gray(1, 1))
	save(t, b, gray(1, 1))
	for in, want := range map[string]Support{
		"x.jpg:y.png":                   {Image: "x.jpg", Mask: "y.png"},
		a + ":" + b:                     {Image: a, Mask: b},
		b + ":" + a:                     {Image: b, Mask: a},
		"u:v:w":                         {Image: "u:v", Mask: "w"},
		`C:\a\x.jpg:D:\m.png`:           {Image: `C:\a\x.jpg:D`, Mask: `\m.png`}, // neither is there
		`C:\x.jpg:box=1,2,30,40`:        {Image: `C:\x.jpg`, Boxes: []annotate.Box{{X0: 1, Y0: 2, X1: 30, Y1: 40}}},
		"x.jpg:box=1,2,3,4:box=5,6,7,8": {Image: "x.jpg", Boxes: []annotate.Box{{X0: 1, Y0: 2, X1: 3, Y1: 4}, {X0: 5, Y0: 6, X1: 7, Y1: 8}}},
		"x.jpg:point=1, 2:not=3,-4:point=5,6": {Image: "x.jpg", Points: []annotate.Point{{X: 1, Y: 2}, {X: 5, Y: 6}},
			Not: []annotate.Point{{X: 3, Y: -4}}},
		`x=1.jpg:scribble=C:\s.png:not=3,4`: {Image: "x=1.jpg", Scribble: `C:\s.png`, Not: []annotate.Point{{X: 3, Y: 4}}},
	} {
		if got, err := ParseSupport(in); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", in, got, err)
		}
	}
	for in, want := range map[string]string{
		"":                                   "image:mask",
		"a.jpg":                              "image:mask",
		":":                                  "image:mask",
		"a:":                                 "image:mask",
		":b":                                 "image:mask",
		":box=1,2,3,4":                       "names no picture",
		"a.jpg:box=1,2,3":                    "has 3 numbers; expected box=LEFT,TOP,RIGHT,BOTTOM",
		"a.jpg:box=":                         "expected box=LEFT,TOP,RIGHT,BOTTOM",
		"a.jpg:point=1;2":                    "expected point=X,Y",
		"a.jpg:point=1.5,2":                  "whole pixels",
		"a.jpg:not=1,2,3":                    "not=1,2,3 has 3 numbers",
		"a.jpg:point=99999999999999999999,1": "point=99999999999999999999,1",
		"a.jpg:scribble=":                    "expected one PNG",
		"a.jpg:scribble=a.png:scribble=b":    "expected one PNG",
		"a.jpg:boxes=1,2,3,4":                `no mark "boxes"`,
		"a.jpg:polygon=1,2,3,4,5,6":          `no mark "polygon"; expected image:mask, or image with marks`,
	} {
		if _, err := ParseSupport(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v should say %q", in, err, want)
		}
	}
}

func FuzzParseSupport(f *testing.F) {
	for _, s := range []string{"a.jpg:b.png", "a.jpg:box=1,2,3,4:box=0,0,1,1", "C:\\a:point=1,2:not=-3,4", ":scribble=", "x:scribble=a:b", "::", "a:poly=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSupport(text)
		if err != nil {
			return
		}
		marks := len(s.Boxes) + len(s.Points) + len(s.Not)
		if s.Image == "" || (s.Mask == "") == (marks == 0 && s.Scribble == "") || !strings.HasPrefix(text, s.Image) {
			t.Errorf("%q: %+v", text, s)
		}
	})
}

// FuzzMask: no content is read into memory without bound or makes a panic.
func FuzzMask(f *testing.F) {
	for _, img := range []image.Image{
		gray(3, 2, 0, 1, 255), image.NewGray16(image.Rect(0, 0, 2, 2)), image.NewNRGBA(image.Rect(0, 0, 1, 3)),
		image.NewPaletted(image.Rect(0, 0, 5, 1), color.Palette{color.Black, color.White}),
	} {
		content, err := os.ReadFile(save(f, filepath.Join(f.TempDir(), "m.png"), img))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
		f.Add(content[:len(content)-9])
	}
	f.Add([]byte("\xff\xd8\xff"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 24 {
			content = bytes.Clone(content)
			copy(content[16:], []byte{0, 0, 0}) // 255×255 at most: reading large empty pictures only takes the fuzzer's time
			copy(content[20:], []byte{0, 0, 0})
		}
		l, err := new(picture.Reader).Labels(nil, content, "m.png")
		if err != nil {
			return
		}
		if m := newMask(l); m.h < 1 || m.w < 1 || len(m.values) != m.h*m.w {
			t.Errorf("%d×%d with %d pixels", m.w, m.h, len(m.values))
		}
	})
}

// photograph writes an orange disc of radius 12 around (30, 20), column and row, on gray.
func photograph(t *testing.T, path string) string {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 60, 40))
	for y := range 40 {
		for x := range 60 {
			c := color.RGBA{100, 100, 110, 255}
			if (x-30)*(x-30)+(y-20)*(y-20) < 144 {
				c = color.RGBA{230, 120, 20, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return save(t, path, img)
}

// TestMarks: supports given by marks reach the network as masks, and are shown.
func TestMarks(t *testing.T) {
	dir := t.TempDir()
	img := photograph(t, filepath.Join(dir, "disc.png"))
	scribble := image.NewNRGBA(image.Rect(0, 0, 60, 40)) // transparent
	for x := 25; x < 35; x++ {
		scribble.SetNRGBA(x, 20, color.NRGBA{255, 255, 255, 255})
	}
	lines := save(t, filepath.Join(dir, "lines.png"), scribble)
	out := filepath.Join(dir, "out")
	for mark, c := range map[string]struct{ least, most float64 }{
		"box=18,8,42,32":                   {0.24, 0.24},
		"box=0,0,30,40:box=15,0,60,40":     {1, 1},
		"point=30,20":                      {0.16, 0.21}, // the disc: 0.188
		"point=30,20:not=3,3":              {0.16, 0.21},
		"scribble=" + lines:                {0.16, 0.21},
		"scribble=" + lines + ":not=55,35": {0.16, 0.21},
	} {
		s, err := ParseSupport(img + ":" + mark)
		if err != nil {
			t.Fatal(err)
		}
		net, tape := &halves{}, newTape(t)
		var taken []Taken
		_, err = Run(context.Background(), net, tape, Options{Supports: []Support{s, s}, Queries: []string{img}, Out: out, Size: 33,
			Warn: func(m string) { t.Errorf("%s: warning: %s", mark, m) }, Taken: func(x Taken) { taken = append(taken, x) }})
		if err != nil {
			t.Fatal(err)
		}
		if len(taken) != 2 || taken[0].Object < c.least || taken[0].Object > c.most || taken[0].Image != img ||
			taken[0].Overlay != filepath.Join(out, "support_disc_overlay.png") || taken[1].Overlay != filepath.Join(out, "support_disc_2_overlay.png") {
			t.Errorf("%s: %+v", mark, taken)
		}
		masks := make([]uint8, 2*33*33)
		tape.Dev.Download(masks, net.seen.SupportMask)
		share := float64(bytes.Count(masks, []byte{1})) / float64(len(masks))
		if share < c.least-0.03 || share > c.most+0.03 || bytes.Contains(masks, []byte{255}) {
			t.Errorf("%s: the network sees %.3f object", mark, share)
		}
		if b := load(t, taken[0].Overlay).Bounds(); b.Dx() != 60 || b.Dy() != 40 {
			t.Errorf("overlay of %v", b)
		}
	}
}

func TestBadMarksNameTheSupport(t *testing.T) {
	dir := t.TempDir()
	img := photograph(t, filepath.Join(dir, "disc.png"))
	black := save(t, filepath.Join(dir, "black.png"), gray(60, 40))
	small := save(t, filepath.Join(dir, "small.png"), gray(6, 4, 1))
	for mark, want := range map[string]string{
		"box=0,0,61,40":                    "support " + img + ": box 0,0,61,40 reaches out",
		"box=9,9,9,9":                      "is empty",
		"point=60,3":                       "point 60,3 is outside the picture of 60×40",
		"not=6,3":                          "only the background",
		"scribble=" + black:                "the scribble marks nothing",
		"scribble=" + small:                "scribble " + small + " is 6×4",
		"scribble=" + dir + "/no/such.png": "such.png",
		"scribble=" + img + ".jpg":         "disc.png.jpg",
	} {
		s, err := ParseSupport(img + ":" + mark)
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, "out")
		_, err = Run(context.Background(), &halves{}, newTape(t), Options{Supports: []Support{s}, Queries: []string{img}, Out: out, Size: 33})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v should say %q", mark, err, want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: a folder was made for nothing", mark)
		}
	}
}

func TestWhiteIsObject(t *testing.T) {
	dir := t.TempDir()
	img := save(t, filepath.Join(dir, "s.png"), image.NewRGBA(image.Rect(0, 0, 4, 2)))
	white := save(t, filepath.Join(dir, "white.png"), gray(4, 2, 0, 0, 255, 255, 0, 0, 7, 255))
	for flag, want := range map[bool]float64{false: 1.0 / 8, true: 0.5} {
		var got Taken
		_, err := Run(context.Background(), &halves{}, newTape(t), Options{Supports: []Support{{Image: img, Mask: white}}, Queries: []string{img},
			Out: dir, Size: 9, WhiteIsObject: flag, Taken: func(x Taken) { got = x }})
		if err != nil || got.Object != want {
			t.Errorf("%v: %+v, %v", flag, got, err)
		}
	}
}

// withOrientation puts an EXIF block that holds only the orientation into a JPEG.
func withOrientation(content []byte, orientation byte) []byte {
	exif := []byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00")
	exif[29] = orientation
	return append(append(append([]byte(nil), content[:2]...), exif...), content[2:]...)
}

// TestOrientation: whichever way a telephone lay, the picture is the upright one. The
// upright picture is 24×16 with a red upper left and a blue lower right quarter; the
// stored ones are it, moved as the orientation undoes.
func TestOrientation(t *testing.T) {
	const w, h = 24, 16
	upright := func(x, y int) color.RGBA {
		switch {
		case x < w/2 && y < h/2:
			return color.RGBA{200, 0, 0, 255}
		case x >= w/2 && y >= h/2:
			return color.RGBA{0, 0, 200, 255}
		}
		return color.RGBA{128, 128, 128, 255}
	}
	// Where the EXIF standard puts the stored row 0 and column 0.
	stored := map[byte]func(x, y int) (int, int){ // of the stored pixel: its upright place
		1: func(x, y int) (int, int) { return x, y },                 // top, left
		2: func(x, y int) (int, int) { return w - 1 - x, y },         // top, right
		3: func(x, y int) (int, int) { return w - 1 - x, h - 1 - y }, // bottom, right
		4: func(x, y int) (int, int) { return x, h - 1 - y },         // bottom, left
		5: func(x, y int) (int, int) { return y, x },                 // left, top
		6: func(x, y int) (int, int) { return w - 1 - y, x },         // right, top
		7: func(x, y int) (int, int) { return w - 1 - y, h - 1 - x }, // right, bottom
		8: func(x, y int) (int, int) { return y, h - 1 - x },         // left, bottom
	}
	dir := t.TempDir()
	for o, place := range stored {
		sw, sh := w, h
		if o >= 5 {
			sw, sh = h, w
		}
		img := image.NewRGBA(image.Rect(0, 0, sw, sh))
		for y := range sh {
			for x := range sw {
				img.SetRGBA(x, y, upright(place(x, y)))
			}
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 100}); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "o.jpg")
		if err := os.WriteFile(path, withOrientation(b.Bytes(), o), 0o666); err != nil {
			t.Fatal(err)
		}
		p, err := new(picture.Reader).ReadPhoto(path)
		if err != nil {
			t.Fatal(err)
		}
		if p.W != w || p.H != h || p.Orientation != int(o) {
			t.Errorf("orientation %d: %d×%d, read as %d", o, p.W, p.H, p.Orientation)
			continue
		}
		for y := 3; y < h; y += 8 { // away from the edges, which JPEG blurs
			for x := 3; x < w; x += 12 {
				c, got := upright(x, y), p.Pix[(y*w+x)*3:][:3]
				for k, v := range []uint8{c.R, c.G, c.B} {
					if max(v, got[k])-min(v, got[k]) > 12 {
						t.Errorf("orientation %d: pixel %d,%d is %v, want %v", o, x, y, got, c)
						break
					}
				}
			}
		}
	}

	// A mask of the stored picture's shape is refused, and the reason said.
	mask := save(t, filepath.Join(dir, "m.png"), gray(h, w, 1))
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, h, w)), nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "p.jpg")
	if err := os.WriteFile(path, withOrientation(b.Bytes(), 6), 0o666); err != nil {
		t.Fatal(err)
	}
	_, _, err := (&Support{Image: path, Mask: mask}).read(new(picture.Reader), false)
	if err == nil || !strings.Contains(err.Error(), "24×16") || !strings.Contains(err.Error(), "EXIF orientation 6") {
		t.Errorf("error %v", err)
	}
}

func FuzzOrientation(f *testing.F) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 2, 2)), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(withOrientation(b.Bytes(), 6))
	f.Add(withOrientation(b.Bytes(), 77))
	f.Add(withOrientation(b.Bytes(), 6)[:40])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		r := &picture.Reader{MaxPixels: 1 << 12}
		p, err := r.Photo(content, "fuzzed")
		size, o, headerErr := r.PhotoSize(content, "fuzzed")
		if err == nil && (headerErr != nil || size != p.Size || o != p.Orientation || o < 1 || o > 8) {
			t.Errorf("orientation %d, %v pixels, %v; by its header %d, %v", p.Orientation, p.Size, headerErr, o, size)
		}
	})
}
