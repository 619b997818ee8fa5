package picture

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// sums are the files of testdata that OpenCV reads, with size and sum of what it reads.
func sums(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(string(read(t, "opencv.txt"))) {
		name, sum, _ := strings.Cut(strings.TrimSpace(line), " ")
		out[name] = sum
	}
	if len(out) < 55 {
		t.Fatalf("%d files", len(out))
	}
	return out
}

// Files of all formats, odd and damaged ones among them, come out as OpenCV reads them,
// whatever their names say; where OpenCV warns there is a warning, once.
func TestImagesEqualOpenCV(t *testing.T) {
	warned := map[string]int{}
	r := &Reader{Warn: func(file, message string) { warned[filepath.ToSlash(file)]++ }}
	for name, want := range sums(t) {
		path := filepath.Join("testdata", filepath.FromSlash(name))
		for range 2 {
			pix, s, err := r.ReadImage(path)
			if got := fmt.Sprintf("%d %d %x", s.W, s.H, sha256.Sum256(pix)); err != nil || got != want {
				t.Errorf("%s: %s, want OpenCV's %s; error %v", name, got, want, err)
			}
		}
		if s, err := r.Size(path); err != nil || !strings.HasPrefix(want, fmt.Sprintf("%d %d ", s.W, s.H)) {
			t.Errorf("%s: size %v, %v", name, s, err)
		}
		// The name says nothing: the content of a file under a wrong name.
		liar := filepath.Join(t.TempDir(), "photo.tiff")
		if err := os.WriteFile(liar, read(t, name), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, _, err := new(Reader).ReadImage(liar); err != nil {
			t.Errorf("%s: named photo.tiff it is not read: %v", name, err)
		}
	}
	want := map[string]int{}
	for _, name := range []string{"bad_iccp_crc.png", "bad_text_crc.png", "m_bad_crc.png", "extra_rows.png", "m_extra.png", "j_no_eoi.jpg"} {
		want["testdata/cases/"+name] = 1
	}
	if fmt.Sprint(warned) != fmt.Sprint(want) {
		t.Errorf("warnings %v, want %v", warned, want)
	}
}

// The color of a transparent pixel with 16 bits is its color, not black.
func TestTransparentColor(t *testing.T) {
	img := image.NewNRGBA64(image.Rect(0, 0, 1, 1))
	img.SetNRGBA64(0, 0, color.NRGBA64{40 << 8, 100 << 8, 60 << 8, 0})
	pix, _, err := new(Reader).Image(nil, encode(t, img), "a.png")
	if err != nil || !slices.Equal(pix, []uint8{40, 100, 60}) {
		t.Errorf("%v, %v", pix, err)
	}
}

// What is not read is named, with what to do about it.
func TestOtherFormats(t *testing.T) {
	box := func(brand string) []byte { return []byte("\x00\x00\x00\x18ftyp" + brand + "\x00\x00\x00\x00mif1heic") }
	for _, c := range []struct {
		content []byte
		want    string
	}{
		{box("heic"), "HEIC"}, {box("mif1"), "HEIC"}, {box("avif"), "AVIF"}, {box("isom"), "video"},
		{read(t, "x.avif"), "AVIF"}, {read(t, "x.jp2"), "JPEG 2000"}, {[]byte("\xff\x0a1234567890"), "JPEG XL"},
		{[]byte("\x00\x00\x00\x0cJXL \r\n\x87\n"), "JPEG XL"}, {[]byte("8BPS\x00\x01"), "Photoshop"}, {[]byte("P7\nWIDTH 3\n"), "PAM"},
		{[]byte("<html><body>404"), "web page"}, {[]byte("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"},
	} {
		_, _, err := new(Reader).Image(nil, c.content, "a.jpg")
		if err == nil || !strings.Contains(err.Error(), "image a.jpg: it is ") || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "convert it") {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	for name, want := range map[string]string{"c_jpeg.tif": "TIFF of a kind that is not read", "cmyk.tif": "convert it to PNG"} {
		if _, _, err := new(Reader).Image(nil, read(t, name), name); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	for content, want := range map[string]string{"": "not a picture", "hello": "not a picture", "GIF89a": "GIF: ", "BM": "BMP: ", "P5\n3 4\n255\n": "PNM: it ends too early", "P5 3 4 70000 ": "PNM: 3×4 pixels of values up to 70000", "P2 2 1 9 3 12": "PNM: a value 12, but the greatest is 9", "RIFF\x00\x00\x00\x00WEBP": "WebP: ", "\xff\xd8": "JPEG: "} {
		if _, _, err := new(Reader).Image(nil, []byte(content), "a\x1b[2J.png"); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"a\x1b[2J.png"`) {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
}

func encode(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestAbsent: the error of a file that is not there names it and what was probably meant.
func TestAbsent(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cat_mask.png"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	var r Reader
	for name, want := range map[string]string{
		"Cat_Mask.jpg":  "did you mean " + filepath.Join(dir, "cat_mask.png") + "?",
		"dog_mask.png":  "check its name and its folder",
		"none/mask.png": "there is no folder " + filepath.Join(dir, "none") + " either",
	} {
		_, size := r.Size(filepath.Join(dir, name))
		_, _, content := r.ReadImage(filepath.Join(dir, name))
		for _, err := range []error{size, content} {
			if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "image "+filepath.Join(dir, name)+": ") || !strings.HasSuffix(err.Error(), "; "+want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
}

// A header that asks for gigabytes is refused before anything is allocated, and so is one
// whose places would not fit 32 bits; the flag is named.
func TestHugeHeader(t *testing.T) {
	for want, size := range map[string][8]byte{
		"huge.png: 65535×65535 pixels are 4294836225, more than 268435456; make the picture smaller (resize it, crop it, cut it into tiles), or raise the limit with --max-pixels": {0, 0, 255, 255, 0, 0, 255, 255},
		"huge.png: 65537×1 pixels, expected 1 to 65536 a side": {0, 1, 0, 1, 0, 0, 0, 1},
	} {
		content := encode(t, image.NewGray(image.Rect(0, 0, 1, 1)))
		copy(content[16:], size[:]) // width and height
		// IHDR's checksum, over its type and its 13 bytes, must fit again.
		binary.BigEndian.PutUint32(content[29:], crc32.ChecksumIEEE(content[12:29]))
		if _, _, err := new(Reader).Mask(nil, content, "huge.png", 20); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("mask: error %v, want %q", err, want)
		}
		if _, _, err := new(Reader).Image(nil, content, "huge.png"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("image: error %v, want %q", err, want)
		}
	}
	r := &Reader{MaxPixels: 10}
	if _, _, err := r.Image(nil, encode(t, image.NewGray(image.Rect(0, 0, 11, 1))), "a.png"); err == nil || !strings.Contains(err.Error(), "11×1 pixels are 11, more than 10") {
		t.Errorf("limit of 10: %v", err)
	}
}

// FuzzImage: whatever the content, a picture of the header's size or an error, no panic.
func FuzzImage(f *testing.F) {
	for name := range sums(f) {
		f.Add(read(f, name))
	}
	for _, name := range []string{"c_jpeg.tif", "cmyk.tif", "x.avif", "x.jp2"} {
		f.Add(read(f, name))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		r := &Reader{MaxPixels: 1 << 16, Warn: func(string, string) {}}
		pix, s, err := r.Image(nil, content, "a.png")
		if err != nil {
			if pix != nil || !strings.HasPrefix(err.Error(), "image a.png: ") {
				t.Fatalf("error %q with %d values", err, len(pix))
			}
			return
		}
		if len(pix) != s.H*s.W*3 || s.H < 1 || s.W < 1 {
			t.Fatalf("%d values for %v", len(pix), s)
		}
		if hs, err := header(bytes.NewReader(content)); err != nil || hs != s {
			t.Fatalf("%v, the header says %v, %v", s, hs, err)
		}
	})
}

func encodeJPEG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
