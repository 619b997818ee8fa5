package data

import (
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"slices"
	"strings"
	"testing"
)

// A JPEG and a palette mask come out as OpenCV reads them. The pair tests the
// file formats only: the mask outlines an aeroplane, the photograph shows a room.
func TestDecodingMatchesOpenCV(t *testing.T) {
	want := openGoldens(t, "validation").scene() // rows 60:200, columns 150:340
	src, err := OpenList("../../testdata/pascal-tiny/list.txt", "../../testdata/pascal-tiny", 20)
	if err != nil {
		t.Fatal(err)
	}
	s, err := src.Load(0)
	if err != nil {
		t.Fatal(err)
	}
	for y := range want.H {
		at := (y+60)*s.W + 150
		if got := s.Mask[at : at+want.W]; !slices.Equal(got, want.Mask[y*want.W:(y+1)*want.W]) {
			t.Fatalf("mask row %d differs", y)
		}
		if got := s.Image[at*3:][:want.W*3]; !slices.Equal(got, want.Image[y*want.W*3:][:want.W*3]) {
			t.Fatalf("image row %d differs", y)
		}
	}
}

func TestDecodeImageKinds(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 2, 1))
	copy(gray.Pix, []uint8{10, 250})
	clear := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	copy(clear.Pix, []uint8{200, 100, 50, 128, 1, 2, 3, 255})
	deep := image.NewRGBA64(image.Rect(0, 0, 1, 1))
	deep.SetRGBA64(0, 0, color.RGBA64{0x1234, 0xABCD, 0xFFFF, 0xFFFF})
	for name, c := range map[string]struct {
		img  image.Image
		want []uint8
	}{
		"gray":         {gray, []uint8{10, 10, 10, 250, 250, 250}},
		"transparency": {clear, []uint8{200, 100, 50, 1, 2, 3}},
		"16 bits":      {deep, []uint8{0x12, 0xAB, 0xFF}},
	} {
		got, h, w, err := DecodeImage(encodePNG(t, c.img), name)
		if err != nil || !slices.Equal(got, c.want) || h != 1 || w != len(c.want)/3 {
			t.Errorf("%s: %v of %d×%d, want %v; error %v", name, got, h, w, c.want, err)
		}
	}
}

// A header that asks for gigabytes is refused before anything is allocated, and
// so is one whose places would not fit 32 bits.
func TestHugeHeader(t *testing.T) {
	for want, size := range map[string][8]byte{
		"huge.png: 65535×65535": {0, 0, 255, 255, 0, 0, 255, 255}, // width and height
		"huge.png: 65537×1":     {0, 1, 0, 1, 0, 0, 0, 1},
	} {
		png := encodePNG(t, grayMask(1))
		copy(png[16:], size[:])
		// IHDR's checksum, over its type and its 13 bytes, must fit again.
		binary.BigEndian.PutUint32(png[29:], crc32.ChecksumIEEE(png[12:29]))
		if _, _, _, err := DecodeMask(png, "huge.png", 20); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("mask: error %v, want %q", err, want)
		}
		if _, _, _, err := DecodeImage(png, "huge.png"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("image: error %v, want %q", err, want)
		}
	}
}

func FuzzDecodeMask(f *testing.F) {
	f.Add(encodePNG(f, grayMask(0, 1, 20, 255)))
	f.Add(encodePNG(f, paletteMask(0, 1, 20, 255)))
	f.Add(encodePNG(f, grayMask(0, 21)))
	f.Add(encodePNG(f, image.NewGray16(image.Rect(0, 0, 2, 2))))
	f.Add(encodePNG(f, grayMask(0, 1, 2))[:40])
	f.Add(encodeJPEG(f, 3, 3))
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		mask, h, w, err := DecodeMask(content, "m.png", 20)
		if err != nil {
			if mask != nil || !strings.Contains(err.Error(), "m.png") {
				t.Fatalf("error %q with %d values", err, len(mask))
			}
			return
		}
		if len(mask) != h*w {
			t.Fatalf("%d values for %d×%d", len(mask), h, w)
		}
		if want, wh, ww, err := decodeRareMask(content, "m.png"); err != nil || h != wh || w != ww || !slices.Equal(mask, want) {
			t.Fatalf("image/png gives other values, or error %v", err)
		}
		for _, v := range mask {
			if v > 20 && v != Ignore {
				t.Fatalf("value %d", v)
			}
		}
	})
}
