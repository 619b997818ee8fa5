package jpeg

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"image/color"
	std "image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// decode reads a file to RGB, [h,w,3], in the memory of pix where it suffices.
func decode(d *Decoder, pix, content []byte) (rgb []byte, h, w int, err error) {
	if h, w, err = d.Open(content); err != nil {
		return nil, 0, 0, err
	}
	pix = sized(pix, h*w*3)
	next := 0
	err = d.Rows(func(y int) []byte {
		if y != next {
			panic(fmt.Sprintf("row %d after row %d", y, next-1))
		}
		next++
		return pix[y*w*3:][:w*3]
	})
	if err == nil && next != h {
		err = fmt.Errorf("%d rows of %d", next, h)
	}
	return pix, h, w, err
}

// want is OpenCV's result.
func want(t testing.TB, name string) (rgb []byte, h, w int) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(readFile(t, name+".png")))
	if err != nil {
		t.Fatal(err)
	}
	b := img.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			rgb = append(rgb, c.R, c.G, c.B)
		}
	}
	return rgb, b.Dy(), b.Dx()
}

var whole = []string{"420", "422", "440", "444", "411", "coarse", "fine", "restart", "narrow", "pixel", "gray", "progressive"}

// Whole files come out as OpenCV reads them, in every value. One decoder reads them all,
// so nothing may be left over from the file before.
func TestDecodeEqualsOpenCV(t *testing.T) {
	var d Decoder
	var pix []byte
	for _, name := range append(whole, whole...) {
		wanted, wh, ww := want(t, name)
		got, h, w, err := decode(&d, pix, readFile(t, name+".jpg"))
		if err != nil || len(d.Warnings()) > 0 {
			t.Fatalf("%s: %v, warnings %q", name, err, d.Warnings())
		}
		pix = got
		if h != wh || w != ww || !bytes.Equal(got, wanted) {
			t.Errorf("%s: %d×%d, want %d×%d with OpenCV's values", name, w, h, ww, wh)
		}
	}
}

// oddFiles are the files that OpenCV reads, with the sums of its values.
func oddFiles(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(string(readFile(t, "odd/opencv.txt"))) {
		name, sum, _ := strings.Cut(strings.TrimSpace(line), " ")
		out[name] = sum
	}
	if len(out) < 40 {
		t.Fatalf("%d odd files", len(out))
	}
	return out
}

// damaged are those of the odd files that need a warning.
var damaged = []string{"cut_short", "noeoi", "marker_in_data", "prog_90", "dri_back", "dri_cut", "dri_junk", "dri_missing", "dri_wrong1", "dri_wrong4"}

// Odd files too come out as OpenCV reads them: sampling factors, color models, missing
// tables, progressive and several scans, and whatever is damaged.
func TestOddFilesEqualOpenCV(t *testing.T) {
	var d Decoder
	warned := map[string]bool{}
	for name, sum := range oddFiles(t) {
		rgb, h, w, err := decode(&d, nil, readFile(t, "odd/"+name+".jpg"))
		if got := fmt.Sprintf("%d %d %x", w, h, sha256.Sum256(rgb)); err != nil || got != sum {
			t.Errorf("%s: %s, want OpenCV's %s; error %v", name, got, sum, err)
		}
		warned[name] = len(d.Warnings()) > 0
	}
	for _, name := range damaged {
		if !warned[name] {
			t.Errorf("%s: no warning", name)
		}
		delete(warned, name)
	}
	for name, yes := range warned {
		if yes {
			t.Errorf("%s: a warning", name)
		}
	}
}

// Where chroma is no whole part of the picture's size libjpeg gives up; here samples are
// repeated: the picture is near that with chroma of the two integral factors.
func TestFractionalSampling(t *testing.T) {
	var d Decoder
	rgb, h, w, err := decode(&d, nil, readFile(t, "odd/fractional.jpg"))
	if err != nil || h != 29 || w != 37 {
		t.Fatalf("%d×%d, %v", w, h, err)
	}
	img, err := png.Decode(bytes.NewReader(readFile(t, "odd/fractional.png")))
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for i := range h * w {
		c := color.NRGBAModel.Convert(img.At(i%w, i/w)).(color.NRGBA)
		for k, v := range [3]uint8{c.R, c.G, c.B} {
			d := int(rgb[3*i+k]) - int(v)
			sum += max(d, -d)
		}
	}
	if mean := float64(sum) / float64(len(rgb)); mean > 4 {
		t.Errorf("mean difference from the picture that was encoded: %.1f", mean)
	}
}

// What is not read is named; it is not called damaged.
func TestUnsupported(t *testing.T) {
	for want, change := range map[string]func(b []byte, frame int){
		"arithmetic coding": func(b []byte, frame int) { b[frame+1] = 0xC9 },
		"lossless JPEG":     func(b []byte, frame int) { b[frame+1] = 0xC3 },
		"hierarchical JPEG": func(b []byte, frame int) { b[frame+1] = 0xC5 },
		"12 bits a sample":  func(b []byte, frame int) { b[frame+1], b[frame+4] = 0xC1, 12 },
	} {
		b := readFile(t, "420.jpg")
		change(b, bytes.Index(b, []byte{0xFF, 0xC0, 0, 17}))
		_, _, err := new(Decoder).Open(b)
		if !errors.As(err, new(Unsupported)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestSize(t *testing.T) {
	for _, name := range whole {
		_, wh, ww := want(t, name)
		content := readFile(t, name+".jpg")
		if h, w, ok := Size(content); !ok || h != wh || w != ww {
			t.Errorf("%s: %d×%d, %v, want %d×%d", name, w, h, ok, ww, wh)
		}
		if _, _, ok := Size(content[:20]); ok {
			t.Errorf("%s: a size in the first 20 bytes", name)
		}
	}
}

// A file that is cut short is never taken for a whole one.
func TestCutShort(t *testing.T) {
	for _, name := range whole {
		content := readFile(t, name+".jpg")
		for n := range len(content) - 1 {
			var d Decoder
			if _, _, _, err := decode(&d, nil, content[:n]); err == nil && len(d.Warnings()) == 0 {
				t.Fatalf("%s: its first %d bytes of %d are read without a warning", name, n, len(content))
			}
		}
	}
	huge := readFile(t, "420.jpg")
	frame := bytes.Index(huge, []byte{0xFF, 0xC0, 0, 17})
	copy(huge[frame+5:], []byte{255, 255, 255, 255})
	if _, _, err := new(Decoder).Open(huge); err == nil || !strings.Contains(err.Error(), "next to nothing") {
		t.Errorf("65535×65535 pixels in %d bytes: %v", len(huge), err)
	}
}

// Whatever the bytes, the size is that of the header, nothing panics, decoding again
// gives the same, and what image/jpeg reads is read.
func FuzzDecode(f *testing.F) {
	for _, name := range whole {
		f.Add(readFile(f, name+".jpg"))
	}
	for name := range oddFiles(f) {
		f.Add(readFile(f, "odd/"+name+".jpg"))
	}
	f.Add([]byte("\xff\xd8\xff\xd9"))
	f.Fuzz(func(t *testing.T, content []byte) {
		h, w, ok := Size(content)
		if ok && h*w > 1<<20 {
			return
		}
		var d Decoder
		pix, h, w, err := decode(&d, nil, content)
		if err != nil {
			return
		}
		if config, err := std.DecodeConfig(bytes.NewReader(content)); err == nil && (h != config.Height || w != config.Width) {
			t.Fatalf("%d×%d, image/jpeg says %d×%d", w, h, config.Width, config.Height)
		}
		if sh, sw, ok := Size(content); !ok || sh != h || sw != w {
			t.Fatalf("Size gives %d×%d, the picture has %d×%d", sw, sh, w, h)
		}
		if again, _, _, _ := decode(&d, nil, content); !bytes.Equal(pix, again) {
			t.Fatal("decoding it again gave other values")
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	folder := "../../testdata/real-mini"
	list, err := os.ReadFile(filepath.Join(folder, "list.txt"))
	if err != nil {
		b.Fatal(err)
	}
	name, _, _ := strings.Cut(string(list), " ")
	content, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		b.Fatal(err)
	}
	var d Decoder
	var pix []byte
	for b.Loop() {
		if pix, _, _, err = decode(&d, pix, content); err != nil {
			b.Fatal(err)
		}
	}
}
