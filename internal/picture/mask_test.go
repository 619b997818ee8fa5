package picture

import (
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/labelmap"
)

// strip is a picture of one row.
func strip(n int) image.Rectangle { return image.Rect(0, 0, n, 1) }

func grayMask(values ...uint8) *image.Gray {
	return &image.Gray{Pix: values, Stride: len(values), Rect: strip(len(values))}
}

// paletteMask holds the values as indices of colors that mislead.
func paletteMask(values ...uint8) *image.Paletted {
	colors := make(color.Palette, 256)
	for i := range colors {
		colors[i] = color.RGBA{uint8(255 - i), uint8(i * 3), 7, 255}
	}
	return &image.Paletted{Pix: values, Stride: len(values), Rect: strip(len(values)), Palette: colors}
}

func painted(colors ...color.NRGBA) *image.NRGBA {
	m := image.NewNRGBA(strip(len(colors)))
	for x, c := range colors {
		m.SetNRGBA(x, 0, c)
	}
	return m
}

func deepMask(values ...uint16) *image.Gray16 {
	m := image.NewGray16(strip(len(values)))
	for x, v := range values {
		m.SetGray16(x, 0, color.Gray16{Y: v})
	}
	return m
}

func rgb(r, g, b uint8) color.NRGBA { return color.NRGBA{r, g, b, 255} }

func TestMaskKinds(t *testing.T) {
	for name, c := range map[string]struct {
		img  image.Image
		want []uint8
	}{
		"gray":               {grayMask(0, 1, 20, 255), []uint8{0, 1, 20, 255}},
		"palette":            {paletteMask(0, 1, 20, 255), []uint8{0, 1, 20, 255}},
		"16 bits":            {deepMask(0, 1, 20, 255, 65535), []uint8{0, 1, 20, 255, 255}},
		"equal channels":     {painted(rgb(0, 0, 0), rgb(3, 3, 3), rgb(255, 255, 255)), []uint8{0, 3, 255}},
		"equal, transparent": {painted(color.NRGBA{9, 9, 9, 0}, rgb(3, 3, 3)), []uint8{0, 3}},
		"VOC's colors":       {painted(rgb(0, 0, 0), rgb(128, 0, 0), rgb(0, 64, 128), rgb(224, 224, 192)), []uint8{0, 1, 20, 255}},
		"VOC's gray class":   {painted(rgb(128, 128, 128), rgb(128, 0, 0)), []uint8{7, 1}},
	} {
		var said []string
		r := &Reader{Warn: func(_, message string) { said = append(said, message) }}
		got, s, err := r.Mask(nil, encode(t, c.img), name, 20)
		if err != nil || !slices.Equal(got, c.want) || s != (Size{1, len(c.want)}) {
			t.Errorf("%s: %v of %v, want %v; error %v", name, got, s, c.want, err)
		}
		if strings.HasPrefix(name, "VOC") != (len(said) == 1 && strings.Contains(said[0], "hdmnet data prepare masks")) {
			t.Errorf("%s: warnings %q", name, said)
		}
	}
	for name, c := range map[string]struct {
		img  image.Image
		want []string
	}{
		"gray":             {grayMask(0, 21), []string{"value 21 at column 1, row 0", "0..20"}},
		"palette":          {paletteMask(0, 1, 77), []string{"value 77 at column 2"}},
		"16 bits":          {deepMask(0, 256), []string{"value 256 at column 1"}},
		"equal channels":   {painted(rgb(0, 0, 0), rgb(90, 90, 90)), []string{"value 90 at column 1"}},
		"colors":           {painted(rgb(0, 0, 0), rgb(176, 112, 32)), []string{"(176,112,32) at column 1, row 0", "--mask-colors", "`hdmnet data prepare masks`"}},
		"a class too high": {painted(rgb(128, 0, 0), rgb(0, 192, 128)), []string{"(0,192,128)", "class 22 of PASCAL VOC's", "0..20"}},
	} {
		_, _, err := new(Reader).Mask(nil, encode(t, c.img), "m.png", 20)
		for _, want := range append(c.want, "mask m.png: ") {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q", name, err, want)
			}
		}
	}
	for name, want := range map[string]string{"g1.png": "1-bit gray", "g4.png": "4-bit gray", "lossy100.webp": "lossy WebP", "cases/j_no_eoi.jpg": "changes the values of masks: it is a JPEG file"} {
		if _, _, err := new(Reader).Mask(nil, read(t, name), name, 20); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
}

// Masks as people report them: what OpenCV reads from the whole one comes from all.
func TestMaskCases(t *testing.T) {
	want, _, err := new(Reader).ReadMask(filepath.Join("testdata", "cases", "mask.png"), 2)
	if err != nil {
		t.Fatal(err)
	}
	count := [3]int{}
	for _, v := range want {
		count[v]++
	}
	if count[1] == 0 || count[2] == 0 {
		t.Fatalf("pixels of classes: %v", count)
	}
	for _, name := range []string{"m_bad_crc.png", "m_extra.png", "m_rgb_equal.png"} {
		got, _, err := new(Reader).ReadMask(filepath.Join("testdata", "cases", name), 2)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: other values, or error %v", name, err)
		}
	}
	colors := filepath.Join(t.TempDir(), "labelmap.txt")
	if err := os.WriteFile(colors, []byte("# label:color_rgb:parts:actions\nbackground:0,0,0::\ncup:176,112,32::\nspoon:48,112,32::\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	table, err := ReadTable(colors)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := (&Reader{Colors: table}).ReadMask(filepath.Join("testdata", "cases", "m_rgb_colors.png"), 2)
	if err != nil || !slices.Equal(got, want) && !slices.Equal(got, swapped(want)) {
		t.Errorf("colors: other values, or error %v", err)
	}
}

func swapped(mask []uint8) []uint8 {
	out := slices.Clone(mask)
	for i, v := range out {
		out[i] = [3]uint8{0, 2, 1}[v]
	}
	return out
}

func TestLabels(t *testing.T) {
	for name, c := range map[string]struct {
		bits, palette int
		painted, deep bool
	}{
		"g1.png": {bits: 1}, "g4.png": {bits: 4}, "p2_trns.png": {palette: 4}, "gray.bmp": {palette: 256}, "gray.tif": {bits: 8}, "pal.tif": {palette: 256},
		"a.gif": {palette: 256}, "g16.tif": {bits: 16, deep: true}, "g16_trns.png": {painted: true}, "ga8.png": {painted: true}, "rgba16.png": {painted: true},
		"lossless.webp": {painted: true}, "g4_trns.png": {painted: true},
	} {
		l, err := new(Reader).Labels(nil, read(t, name), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		n := 27 * 21
		values, deep, colors := len(l.Values) == n, len(l.Deep) == n, len(l.Painted) == 4*n
		if l.Size != (Size{21, 27}) || l.Bits != c.bits || len(l.Palette) != 3*c.palette || colors != c.painted || deep != c.deep || values == (colors || deep) {
			t.Errorf("%s: %v, %d bits, %d colors, values %v, deep %v, painted %v", name, l.Size, l.Bits, len(l.Palette)/3, values, deep, colors)
		}
	}
	// The key of 2-bit gray and of 16-bit color is transparent, and that alone.
	for name, key := range map[string][3]uint8{"g2_trns.png": {85, 85, 85}, "rgb8_trns.png": {}, "rgb16_trns.png": {}} {
		l, err := new(Reader).Labels(nil, read(t, name), name)
		if err != nil {
			t.Fatal(err)
		}
		clear := 0
		for i := range 27 * 21 {
			p := l.Painted[4*i:][:4]
			if p[3] == 0 {
				clear++
				if key != [3]uint8{} && [3]uint8(p[:3]) != key {
					t.Fatalf("%s: pixel %d is %v", name, i, p)
				}
			}
		}
		if clear == 0 || clear > 27*21/2 {
			t.Errorf("%s: %d transparent pixels", name, clear)
		}
	}
}

func TestOutOfRange(t *testing.T) {
	for _, n := range []int{1, 8, 9, 40} {
		mask := slices.Repeat([]uint8{3}, n)
		mask[n/2] = labelmap.Ignore
		if at := outOfRange(mask, 3); at != -1 {
			t.Errorf("%d values: %d is out of range", n, at)
		}
		for i := range mask {
			wrong := slices.Clone(mask)
			wrong[i] = 4
			if at := outOfRange(wrong, 3); at != i {
				t.Errorf("%d values: the wrong one is at %d, want %d", n, at, i)
			}
		}
	}
}

// FuzzMask: whatever the content, classes or an error that names the file, no panic.
func FuzzMask(f *testing.F) {
	for _, img := range []image.Image{grayMask(0, 1, 20, 255), paletteMask(0, 1, 20, 255), grayMask(0, 21), deepMask(0, 1), painted(rgb(128, 0, 0))} {
		f.Add(encode(f, img))
	}
	f.Add(encode(f, grayMask(0, 1, 2))[:40])
	for _, name := range []string{"g1.png", "g4_trns.png", "p1_trns.png", "rgb16_trns.png", "pal.tif", "a.gif", "gray.bmp", "lossless.webp", "moving.webp", "cases/m_extra.png"} {
		f.Add(read(f, name))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, r := range []*Reader{{MaxPixels: 1 << 16}, {MaxPixels: 1 << 16, Colors: VOC}} {
			mask, s, err := r.Mask(nil, content, "m.png", 20)
			if err != nil {
				if mask != nil || !strings.HasPrefix(err.Error(), "mask m.png: ") {
					t.Fatalf("error %q with %d values", err, len(mask))
				}
				continue
			}
			if len(mask) != s.H*s.W || outOfRange(mask, 20) >= 0 {
				t.Fatalf("%d values for %v", len(mask), s)
			}
		}
	})
}
