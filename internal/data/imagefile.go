package data

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/png" // pictures are JPEG (package jpeg) or PNG
	"io"
	"os"
	"sync"

	"hdmnet/internal/jpeg"
)

// The largest picture that is decoded: a damaged header must not ask for all
// memory, and places in 1024ths of a pixel must fit 32 bits.
const (
	maxPixels = 1 << 26
	maxSide   = 1 << 16
)

// ReadImage decodes a JPEG or PNG file to RGB, [h,w,3], 0..255. Gray becomes
// three equal channels, 16 bits become 8, transparency is dropped. Errors name
// the file.
func ReadImage(path string) (pix []uint8, h, w int, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("image: %w", err)
	}
	return DecodeImage(content, path)
}

// DecodeImage is ReadImage for a file's content; name stands for it in messages.
func DecodeImage(content []byte, name string) (pix []uint8, h, w int, err error) {
	return decodeImage(nil, content, name)
}

// decoders keep the memory of JPEG decoding.
var decoders = sync.Pool{New: func() any { return new(jpeg.Decoder) }}

// decodeImage is DecodeImage into the memory of pix where it suffices.
func decodeImage(pix, content []byte, name string) (rgb []uint8, h, w int, err error) {
	h, w, ok := jpeg.Size(content)
	if ok {
		err = checkSize(name, h, w)
	} else {
		_, _, err = decodeSize(bytes.NewReader(content), name)
	}
	if err != nil {
		return nil, 0, 0, err
	}
	if bytes.HasPrefix(content, []byte("\xff\xd8")) {
		d := decoders.Get().(*jpeg.Decoder)
		rgb, h, w, err = d.Decode(pix, content)
		decoders.Put(d)
	} else {
		var img image.Image
		if img, _, err = image.Decode(bytes.NewReader(content)); err == nil {
			rgb, h, w = toRGB(pix, img)
		}
	}
	if err != nil {
		return nil, 0, 0, fmt.Errorf("image %s: %w; the file is damaged or cut short (%d bytes): copy it again", name, err, len(content))
	}
	return rgb, h, w, nil
}

// readFile reads a file into the memory of memory where it suffices.
func readFile(memory []byte, path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := bytes.NewBuffer(memory[:0])
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		b.Grow(int(min(info.Size(), 1<<24)) + bytes.MinRead)
	}
	_, err = b.ReadFrom(f)
	return b.Bytes(), err
}

// ImageSize is the height and width of a JPEG or PNG file; it reads the header alone.
// Errors name the file.
func ImageSize(path string) (h, w int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, fmt.Errorf("image: %w", err)
	}
	defer f.Close()
	return decodeSize(f, path)
}

func decodeSize(r io.Reader, name string) (h, w int, err error) {
	config, _, err := image.DecodeConfig(r)
	if err != nil {
		return 0, 0, fmt.Errorf("image %s: %w; expected a JPEG or PNG file", name, err)
	}
	return config.Height, config.Width, checkSize(name, config.Height, config.Width)
}

func checkSize(name string, h, w int) error {
	if h < 1 || w < 1 || w > maxPixels/h || max(h, w) > maxSide {
		return fmt.Errorf("image %s: %d×%d pixels, expected 1 to %d in all and at most %d a side", name, w, h, maxPixels, maxSide)
	}
	return nil
}

// toRGB converts what image/png gives, into the memory of pix where it suffices.
func toRGB(pix []uint8, img image.Image) (rgb []uint8, h, w int) {
	b := img.Bounds()
	h, w = b.Dy(), b.Dx()
	rgb = grow(pix, h*w*3)
	switch img := img.(type) {
	case *image.Gray:
		for i, v := range img.Pix {
			rgb[3*i], rgb[3*i+1], rgb[3*i+2] = v, v, v
		}
	default:
		at := 0
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				// Not premultiplied, so that dropping the transparency keeps the color.
				c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
				rgb[at], rgb[at+1], rgb[at+2] = c.R, c.G, c.B
				at += 3
			}
		}
	}
	return rgb, h, w
}
