package data

import (
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"
)

// A JPEG and a palette mask come out as OpenCV reads them. The pair tests the
// file formats only: the mask outlines an aeroplane, the photograph shows a room.
func TestDecodingMatchesOpenCV(t *testing.T) {
	want := openGoldens(t).scene() // rows 60:200, columns 150:340
	src, err := OpenList("../../testdata/pascal-tiny/list.txt", "../../testdata/pascal-tiny", 20)
	if err != nil {
		t.Fatal(err)
	}
	s, err := src.Load(0)
	if err != nil {
		t.Fatal(err)
	}
	var sum, worst float64
	for y := range want.H {
		at := (y+60)*s.W + 150
		if got := s.Mask[at : at+want.W]; !slices.Equal(got, want.Mask[y*want.W:(y+1)*want.W]) {
			t.Fatalf("mask row %d differs", y)
		}
		for x := range want.W * 3 {
			d := math.Abs(float64(s.Image[at*3+x]) - float64(want.Image[y*want.W*3+x]))
			sum, worst = sum+d, max(worst, d)
		}
	}
	mean := sum / float64(len(want.Image))
	t.Logf("mean difference %.3f, largest %g grey levels", mean, worst)
	// The two decoders' inverse DCTs round differently; repeated chroma would give a mean above 0.3.
	if mean > 0.05 || worst > 3 {
		t.Errorf("mean difference %.3f (at most 0.05), largest %g (at most 3)", mean, worst)
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
			ycbcrToRGB(pix, img)
			for y := 2; y < h-2; y++ {
				for x := 2; x < w-2; x++ {
					cr := 100 + 4*((float64(x)+0.5)*c.dx-0.5) + 3*((float64(y)+0.5)*c.dy-0.5)
					want := 128 + 1.402*(cr-128)
					if got := float64(pix[(y*w+x)*3]); math.Abs(got-want) > 1.6 { // chroma rounds by up to 0.75, times 1.402, then to a grey level
						t.Fatalf("red at (%d,%d) is %g, want %.2f", y, x, got, want)
					}
				}
			}
		})
	}
}

func TestColourTransform(t *testing.T) {
	for _, c := range [][6]uint8{
		{0, 128, 128, 0, 0, 0}, {255, 128, 128, 255, 255, 255}, {76, 85, 255, 254, 0, 0}, {150, 44, 21, 0, 255, 1}, {29, 255, 107, 0, 0, 254},
	} {
		r, g, b := colour(int32(c[0]), int32(c[1])-128, int32(c[2])-128)
		if [3]uint8{r, g, b} != [3]uint8(c[3:]) {
			t.Errorf("YCbCr %v is %d %d %d, want %v", c[:3], r, g, b, c[3:])
		}
	}
}

func TestDecodeImageKinds(t *testing.T) {
	grey := image.NewGray(image.Rect(0, 0, 2, 1))
	copy(grey.Pix, []uint8{10, 250})
	clear := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	copy(clear.Pix, []uint8{200, 100, 50, 128, 1, 2, 3, 255})
	deep := image.NewRGBA64(image.Rect(0, 0, 1, 1))
	deep.SetRGBA64(0, 0, color.RGBA64{0x1234, 0xABCD, 0xFFFF, 0xFFFF})
	for name, c := range map[string]struct {
		img  image.Image
		want []uint8
	}{
		"grey":         {grey, []uint8{10, 10, 10, 250, 250, 250}},
		"transparency": {clear, []uint8{200, 100, 50, 1, 2, 3}},
		"16 bits":      {deep, []uint8{0x12, 0xAB, 0xFF}},
	} {
		got, h, w, err := DecodeImage(encodePNG(t, c.img), name)
		if err != nil || !slices.Equal(got, c.want) || h != 1 || w != len(c.want)/3 {
			t.Errorf("%s: %v of %d×%d, want %v; error %v", name, got, h, w, c.want, err)
		}
	}
}

// A header that asks for gigabytes is refused before anything is allocated.
func TestHugeHeader(t *testing.T) {
	png := encodePNG(t, greyMask(1))
	copy(png[16:], []byte{0, 0, 255, 255, 0, 0, 255, 255}) // width and height
	// IHDR's checksum, over its type and its 13 bytes, must fit again.
	binary.BigEndian.PutUint32(png[29:], crc32.ChecksumIEEE(png[12:29]))
	if _, _, _, err := DecodeMask(png, "huge.png", 20); err == nil || !strings.Contains(err.Error(), "huge.png: 65535×65535") {
		t.Errorf("error %v", err)
	}
}

func FuzzDecodeMask(f *testing.F) {
	f.Add(encodePNG(f, greyMask(0, 1, 20, 255)))
	f.Add(encodePNG(f, paletteMask(0, 1, 20, 255)))
	f.Add(encodePNG(f, greyMask(0, 21)))
	f.Add(encodePNG(f, image.NewGray16(image.Rect(0, 0, 2, 2))))
	f.Add(encodePNG(f, greyMask(0, 1, 2))[:40])
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
		for _, v := range mask {
			if v > 20 && v != Ignore {
				t.Fatalf("value %d", v)
			}
		}
	})
}
