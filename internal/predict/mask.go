package predict

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"

	"hdmnet/internal/data"
)

// maxPixels is the largest mask that is decoded: a damaged header must not ask for all
// memory.
const maxPixels = 1 << 26

// mask is a support's mask as the network reads it.
type mask struct {
	h, w            int
	values          []uint8 // [h,w] 1 the object, 0 background, 255 ignore
	object, ignored bool    // whether any pixel is the object; whether any is ignored
}

// readMask reads the mask of a support, or a scribble. It must be a PNG: JPEG changes
// values.
func readMask(path string) (*mask, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("mask: %w", err)
	}
	return decodeMask(content, path)
}

// decodeMask is readMask for a file's content.
func decodeMask(content []byte, path string) (*mask, error) {
	config, err := png.DecodeConfig(bytes.NewReader(content))
	if errors.As(err, new(png.FormatError)) && !bytes.HasPrefix(content, []byte("\x89PNG")) {
		return nil, fmt.Errorf("mask %s: not a PNG file; other formats, JPEG above all, change the values: save the mask as PNG", path)
	}
	if err == nil && (config.Width < 1 || config.Height < 1 || config.Width > maxPixels/config.Height) {
		return nil, fmt.Errorf("mask %s: %d×%d pixels, expected at most %d in all", path, config.Width, config.Height, maxPixels)
	}
	img, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("mask %s: %w; the file is damaged or cut short (%d bytes): copy it again", path, err, len(content))
	}
	// Byte 24 of a PNG is its bit depth.
	return newMask(img, content[24]), nil
}

// newMask applies the rule that a value is the object when it is neither 0 nor 255. The
// value is
//   - of a palette picture the index, whatever its color;
//   - of a gray picture the stored value; with 16 bits 65535 is ignore too;
//   - of a color picture 0 for black and for transparent pixels, 255 for white, and
//     something between for all other colors.
//
// depth is the number of bits of a stored value.
func newMask(img image.Image, depth uint8) *mask {
	b := img.Bounds()
	m := &mask{h: b.Dy(), w: b.Dx()}
	m.values = make([]uint8, m.h*m.w)
	value := maskValue(img, depth)
	for y := range m.h {
		for x := range m.w {
			switch value(b.Min.X+x, b.Min.Y+y) {
			case 0:
			case data.Ignore:
				m.values[y*m.w+x] = data.Ignore
				m.ignored = true
			default:
				m.values[y*m.w+x] = 1
				m.object = true
			}
		}
	}
	return m
}

// maskValue returns the function that reads one pixel's value.
func maskValue(img image.Image, depth uint8) func(x, y int) uint8 {
	switch m := img.(type) {
	case *image.Paletted:
		return m.ColorIndexAt
	case *image.Gray:
		// The decoder stretches 1, 2 and 4 bits to 0..255.
		stretch := uint8(1)
		if depth < 8 {
			stretch = 255 / (1<<depth - 1)
		}
		return func(x, y int) uint8 { return m.GrayAt(x, y).Y / stretch }
	case *image.Gray16:
		return func(x, y int) uint8 {
			switch m.Gray16At(x, y).Y {
			case 0:
				return 0
			case data.Ignore, 0xFFFF:
				return data.Ignore
			}
			return 1
		}
	}
	return func(x, y int) uint8 {
		c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
		switch {
		case c.A == 0 || c.R == 0 && c.G == 0 && c.B == 0:
			return 0
		case c.R == 255 && c.G == 255 && c.B == 255:
			return data.Ignore
		}
		return 1
	}
}

// whiteIsObject makes what is ignored the object.
func (m *mask) whiteIsObject() {
	for i, v := range m.values {
		if v == data.Ignore {
			m.values[i] = 1
		}
	}
	m.object, m.ignored = m.object || m.ignored, false
}

// empty says what is wrong with a mask that shows no object.
func (m *mask) empty(path string) string {
	if m.ignored {
		return fmt.Sprintf("support mask %s shows no object: its only values are 0 (background) and 255 (white), which is ignored; "+
			"if white is the object, add --mask-white-is-object, else draw the object with any value from 1 to 254", path)
	}
	return fmt.Sprintf("support mask %s shows no object: it is 0 everywhere; draw the object with any value from 1 to 254", path)
}
