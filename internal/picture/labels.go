package picture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"

	"hdmnet/internal/infile"
	"hdmnet/internal/png"
)

// ErrLossy is a mask in a format that changes values.
var ErrLossy = errors.New("lossy compression changes the values of masks")

// Labels is a picture as the values that its file stores, not as colors: what masks are
// made of. One of Values, Deep and Painted is there.
type Labels struct {
	Size             // of the file
	Values  []uint8  // [h,w] indices of a palette, or gray values of up to 8 bits as they are stored
	Deep    []uint16 // [h,w] gray values of 16 bits
	Painted []uint8  // [h,w,4] color and opacity, not premultiplied

	Bits    int     // of a gray value; 0: Values are indices
	Palette []uint8 // [n,3] colors of the indices
}

// ReadLabels decodes a file to what it stores, without loss: JPEG and lossy WebP, which
// change values, are refused. h and w are the size as Size.Read gives it. Errors name
// the file and what to do.
func (r *Reader) ReadLabels(path string) (*Labels, error) {
	content, err := r.readFile("mask", nil, path)
	if err != nil {
		return nil, err
	}
	return r.Labels(nil, content, path)
}

// Labels is ReadLabels of a file's content, into the memory of memory where it suffices;
// name stands for the file in messages.
func (r *Reader) Labels(memory, content []byte, name string) (*Labels, error) {
	l := &Labels{}
	f, err := sniff(content)
	switch {
	case err != nil:
	case f == formatJPEG:
		err = fmt.Errorf("%w: it is a JPEG file; save the mask as PNG", ErrLossy)
	case f == formatPNG:
		err = r.pngLabels(l, memory, content, name)
	default:
		err = r.rareLabels(l, f, content)
	}
	if err != nil {
		return nil, fmt.Errorf("mask %s: %w", infile.Shown(name), err)
	}
	r.tellReduced(name, l.Size)
	return l, nil
}

func (r *Reader) pngLabels(l *Labels, memory, content []byte, name string) error {
	d := pngDecoders.Get().(*png.Decoder)
	defer pngDecoders.Put(d)
	h, s, err := r.openPNG(d, content)
	if err != nil {
		return err
	}
	l.Size, l.Palette = s, h.Palette
	rh, rw := s.Read()
	n := s.Factor()
	var put func(at int, samples []byte) // the pixel that begins with samples
	step := max(1, h.Depth/8) * h.Color.Channels()
	switch plain := h.Key == nil; {
	case h.Color == png.Palette, h.Color == png.Gray && h.Depth <= 8 && plain:
		l.Values = sized(memory, rh*rw)
		if h.Color == png.Gray {
			l.Bits = h.Depth
		}
		put = func(at int, s []byte) { l.Values[at] = s[0] }
	case h.Color == png.Gray && plain:
		l.Deep, l.Bits = make([]uint16, rh*rw), 16
		put = func(at int, s []byte) { l.Deep[at] = binary.BigEndian.Uint16(s) }
	default:
		l.Painted = make([]uint8, rh*rw*4)
		color := painter(&h)
		put = func(at int, s []byte) { color(l.Painted[4*at:][:4], s) }
	}
	err = d.Rows(func(y int, samples []byte) {
		to, ok := middle(y, n, s.H)
		switch {
		case !ok:
		case n == 1 && l.Values != nil:
			copy(l.Values[y*rw:], samples)
		default:
			for x := range rw {
				put(to*rw+x, samples[min(x*n+n/2, s.W-1)*step:])
			}
		}
	})
	if err != nil {
		return damage(err, content)
	}
	r.tell(name, d.Warnings())
	return nil
}

// painter writes the color of a pixel of a PNG that is no index.
func painter(h *png.Header) func(out, samples []byte) {
	size := max(1, h.Depth/8)
	stretch := byte(1)
	if h.Depth < 8 {
		stretch = 255 / (1<<h.Depth - 1)
	}
	key := func(samples []byte) bool {
		for i := 0; i < len(h.Key); i += 2 {
			v := uint16(samples[i/2*size])
			if size == 2 {
				v = binary.BigEndian.Uint16(samples[i:])
			}
			if v != binary.BigEndian.Uint16(h.Key[i:]) {
				return false
			}
		}
		return h.Key != nil
	}
	return func(out, s []byte) {
		out[3] = 255
		switch h.Color {
		case png.GrayAlpha:
			out[3] = s[size]
			fallthrough
		case png.Gray:
			out[0], out[1], out[2] = s[0]*stretch, s[0]*stretch, s[0]*stretch
		default:
			out[0], out[1], out[2] = s[0], s[size], s[2*size]
			if h.Color == png.RGBA {
				out[3] = s[3*size]
			}
		}
		if key(s) {
			out[3] = 0
		}
	}
}

func (r *Reader) rareLabels(l *Labels, f format, content []byte) error {
	img, s, err := r.decodeRare(f, content)
	if err != nil {
		return err
	}
	l.Size = s
	b := img.Bounds()
	switch img := img.(type) {
	case *image.YCbCr, *image.NYCbCrA:
		return fmt.Errorf("%w: it is a lossy %s file; save the mask as PNG", ErrLossy, f)
	case *image.Paletted:
		l.Values = make([]uint8, 0, s.H*s.W)
		for y := range s.H {
			l.Values = append(l.Values, img.Pix[y*img.Stride:][:s.W]...)
		}
		for _, c := range img.Palette {
			v := color.NRGBAModel.Convert(c).(color.NRGBA)
			l.Palette = append(l.Palette, v.R, v.G, v.B)
		}
	case *image.Gray:
		l.Bits = 8
		l.Values = make([]uint8, 0, s.H*s.W)
		for y := range s.H {
			l.Values = append(l.Values, img.Pix[y*img.Stride:][:s.W]...)
		}
	case *image.Gray16:
		l.Bits = 16
		l.Deep = make([]uint16, 0, s.H*s.W)
		for i := range s.H * s.W {
			l.Deep = append(l.Deep, img.Gray16At(b.Min.X+i%s.W, b.Min.Y+i/s.W).Y)
		}
	default:
		l.Painted = make([]uint8, s.H*s.W*4)
		eachColor(img, func(i int, c color.NRGBA) {
			p := l.Painted[4*i:][:4]
			p[0], p[1], p[2], p[3] = c.R, c.G, c.B, c.A
		})
	}
	return nil
}
