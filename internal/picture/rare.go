package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"io"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// rareConfig reads the header of a format that is neither JPEG nor PNG.
func rareConfig(f format, r io.Reader) (image.Config, error) {
	switch f {
	case formatWebP:
		return webp.DecodeConfig(r)
	case formatBMP:
		return bmp.DecodeConfig(r)
	case formatTIFF:
		return tiff.DecodeConfig(r)
	case formatPNM:
		return pnmConfig(r)
	}
	return gif.DecodeConfig(r)
}

// decodeRare decodes a file of such a format.
func (r *Reader) decodeRare(f format, content []byte) (image.Image, Size, error) {
	config, err := rareConfig(f, bytes.NewReader(content))
	if err != nil {
		return nil, Size{}, rareError(f, err, content)
	}
	s := Size{config.Height, config.Width}
	if err := r.check(s); err != nil {
		return nil, s, err
	}
	if s.Factor() > 1 {
		return nil, s, fmt.Errorf("a %s of %v pixels cannot be read row by row; convert it to JPEG or PNG, or make it smaller (%d pixels at most)", f, s, WholePixels)
	}
	var img image.Image
	reader := bytes.NewReader(content)
	switch f {
	case formatWebP:
		img, err = decodeWebP(content, s)
	case formatBMP:
		img, err = bmp.Decode(reader)
	case formatTIFF:
		img, err = decodeTIFF(content)
	case formatPNM:
		img, err = decodePNM(content)
	case formatGIF:
		img, err = firstOfGIF(reader, s)
	}
	if err != nil {
		return nil, s, rareError(f, err, content)
	}
	if b := img.Bounds(); b.Dy() != s.H || b.Dx() != s.W {
		return nil, s, rareError(f, fmt.Errorf("%d×%d pixels, the header says %v", b.Dx(), b.Dy(), s), content)
	}
	return img, s, nil
}

// rareError tells what the package does not know from damage.
func rareError(f format, err error, content []byte) error {
	known := errors.Is(err, bmp.ErrUnsupported) || errors.As(err, new(tiff.UnsupportedError))
	text := strings.TrimPrefix(err.Error(), strings.ToLower(string(f))+": ")
	if known {
		return fmt.Errorf("%s of a kind that is not read (%s); convert it to PNG", f, text)
	}
	return fmt.Errorf("%s: %s; the file is damaged or cut short (%d bytes): copy it again", f, text, len(content))
}

// firstOfGIF is the first picture at its place in the whole, which is black elsewhere.
func firstOfGIF(reader *bytes.Reader, s Size) (image.Image, error) {
	img, err := gif.Decode(reader)
	if err != nil {
		return nil, err
	}
	p, ok := img.(*image.Paletted)
	whole := image.Rect(0, 0, s.W, s.H)
	if !ok || p.Rect == whole {
		return img, nil
	}
	out := &image.Paletted{Pix: make([]uint8, s.H*s.W), Stride: s.W, Rect: whole, Palette: p.Palette}
	for y := p.Rect.Min.Y; y < min(p.Rect.Max.Y, s.H); y++ {
		for x := p.Rect.Min.X; x < min(p.Rect.Max.X, s.W); x++ {
			out.SetColorIndex(x, y, p.ColorIndexAt(x, y))
		}
	}
	return out, nil
}

// fromRare gives the RGB values of such a file.
func (r *Reader) fromRare(memory []uint8, f format, content []byte) ([]uint8, Size, error) {
	img, s, err := r.decodeRare(f, content)
	if err != nil {
		return nil, Size{}, err
	}
	out := sized(memory, s.H*s.W*3)
	if planes := yuv(img); planes != nil && f == formatWebP {
		webpToRGB(out, planes)
		return out, s, nil
	}
	eachColor(img, func(i int, c color.NRGBA) { out[3*i], out[3*i+1], out[3*i+2] = c.R, c.G, c.B })
	return out, s, nil
}

// eachColor calls f with every pixel's color, not premultiplied, so that transparency can
// be dropped.
func eachColor(img image.Image, f func(i int, c color.NRGBA)) {
	b := img.Bounds()
	i := 0
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			switch m := img.(type) {
			case *image.NRGBA:
				f(i, m.NRGBAAt(x, y))
			case *image.NRGBA64: // a transparent pixel keeps its color
				c := m.NRGBA64At(x, y)
				f(i, color.NRGBA{narrow(c.R), narrow(c.G), narrow(c.B), narrow(c.A)})
			case *image.RGBA64:
				c := m.RGBA64At(x, y)
				f(i, color.NRGBA{narrow(c.R), narrow(c.G), narrow(c.B), narrow(c.A)})
			default:
				f(i, color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA))
			}
			i++
		}
	}
}

// narrow is a value of 16 bits in 8, rounded as libtiff does.
func narrow(v uint16) uint8 { return uint8((int(v) + 128) / 257) }
