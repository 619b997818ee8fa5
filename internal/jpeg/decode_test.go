package jpeg

import (
	"bytes"
	"image"
	"image/color"
	std "image/jpeg"
	"image/png"
	"math"
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

var sequential = []string{"420", "422", "440", "444", "coarse", "fine", "restart", "narrow", "pixel", "gray"}

// Sequential files come out as OpenCV reads them, in every value. One decoder
// reads them all, so nothing may be left over from the file before.
func TestDecodeEqualsOpenCV(t *testing.T) {
	var d Decoder
	var pix []byte
	for _, name := range append(sequential, sequential...) {
		wanted, wh, ww := want(t, name)
		content := readFile(t, name+".jpg")
		if !d.sequential(content) {
			t.Errorf("%s: left to image/jpeg", name)
		}
		got, h, w, err := d.Decode(pix, content)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		pix = got
		if h != wh || w != ww || !bytes.Equal(got, wanted) {
			t.Errorf("%s: %d×%d, want %d×%d with OpenCV's values", name, w, h, ww, wh)
		}
	}
}

func TestSize(t *testing.T) {
	for _, name := range append([]string{"progressive", "411"}, sequential...) {
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

// What is left to image/jpeg differs by its inverse DCT's rounding.
func TestOtherKindsAreNear(t *testing.T) {
	for _, name := range []string{"progressive", "411"} {
		wanted, wh, ww := want(t, name)
		var d Decoder
		got, h, w, err := d.Decode(nil, readFile(t, name+".jpg"))
		if err != nil || h != wh || w != ww {
			t.Fatalf("%s: %d×%d, error %v", name, w, h, err)
		}
		worst := 0.0
		for i := range got {
			worst = max(worst, math.Abs(float64(got[i])-float64(wanted[i])))
		}
		if worst > 3 {
			t.Errorf("%s: largest difference %g gray levels, at most 3 expected", name, worst)
		}
	}
}

// Where bytes are missing or wrong, the answer is that of image/jpeg.
func TestDamagedFiles(t *testing.T) {
	for _, name := range sequential {
		content := readFile(t, name+".jpg")
		for n := range len(content) - 1 {
			var d Decoder
			if d.sequential(content[:n]) {
				t.Fatalf("%s: its first %d bytes of %d were taken for a picture", name, n, len(content))
			}
		}
	}
	var d Decoder
	if pix, _, _, err := d.Decode(nil, readFile(t, "420.jpg")[:900]); err == nil || pix != nil {
		t.Errorf("%d values, error %v", len(pix), err)
	}
}

// A plane that is linear in the place stays linear, at the 1/4 and 3/4 points
// where the triangle filter puts the pixels.
func TestChromaUpsampling(t *testing.T) {
	for name, c := range map[string]struct {
		ratio image.YCbCrSubsampleRatio
		dx    float64 // chroma planes per pixel along x and y
		dy    float64
	}{
		"4:2:0": {image.YCbCrSubsampleRatio420, 0.5, 0.5},
		"4:2:2": {image.YCbCrSubsampleRatio422, 0.5, 1},
		"4:4:0": {image.YCbCrSubsampleRatio440, 1, 0.5},
		"4:4:4": {image.YCbCrSubsampleRatio444, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			const w, h = 19, 13 // odd sizes: the last chroma sample is half outside
			img := image.NewYCbCr(image.Rect(0, 0, w, h), c.ratio)
			for i := range img.Y {
				img.Y[i] = 128
			}
			cw := img.CStride
			for i := range img.Cr {
				img.Cb[i] = 128
				img.Cr[i] = uint8(100 + 4*(i%cw) + 3*(i/cw))
			}
			pix := make([]uint8, w*h*3)
			new(upsampled).ycbcrToRGB(pix, img)
			for y := 2; y < h-2; y++ {
				for x := 2; x < w-2; x++ {
					cr := 100 + 4*((float64(x)+0.5)*c.dx-0.5) + 3*((float64(y)+0.5)*c.dy-0.5)
					want := 128 + 1.402*(cr-128)
					if got := float64(pix[(y*w+x)*3]); math.Abs(got-want) > 1.6 { // chroma rounds by up to 0.75, times 1.402, then to a gray level
						t.Fatalf("red at (%d,%d) is %g, want %.2f", y, x, got, want)
					}
				}
			}
		})
	}
}

// Whatever the bytes, the size is that of the header and nothing panics.
func FuzzDecode(f *testing.F) {
	for _, name := range append([]string{"progressive", "411"}, sequential...) {
		f.Add(readFile(f, name+".jpg"))
	}
	f.Add([]byte("\xff\xd8\xff\xd9"))
	f.Fuzz(func(t *testing.T, content []byte) {
		config, err := std.DecodeConfig(bytes.NewReader(content))
		if err != nil || config.Width*config.Height > 1<<20 {
			return
		}
		var d Decoder
		pix, h, w, err := d.Decode(nil, content)
		if err != nil {
			return
		}
		if sh, sw, ok := Size(content); ok && (sh != h || sw != w) { // it passes over no bytes between segments, as image/jpeg does
			t.Fatalf("Size gives %d×%d, the picture has %d×%d", sw, sh, w, h)
		}
		if h != config.Height || w != config.Width || len(pix) != h*w*3 {
			t.Fatalf("%d×%d with %d values, header says %d×%d", w, h, len(pix), config.Width, config.Height)
		}
		if again, _, _, _ := d.Decode(nil, content); !bytes.Equal(pix, again) {
			t.Fatal("decoding it again gave other values")
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	folder := "../../testdata/pascal-tiny"
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
		if pix, _, _, err = d.Decode(pix, content); err != nil {
			b.Fatal(err)
		}
	}
}
