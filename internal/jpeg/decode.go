package jpeg

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	std "image/jpeg"
)

// Decoder decodes pictures and keeps its memory from one to the next. The zero
// value is ready. One goroutine at a time may use it.
type Decoder struct {
	content []byte
	at      int // next byte of content

	w, h    int
	comp    []component
	quant   [4][64]int32 // in zigzag order
	dc, ac  [4]huffman
	restart int // MCUs between restart markers, 0 for none

	planes image.YCbCr
	upsampled
}

type component struct {
	id, h, v, quant int
	dc, ac          int
	last            int32 // DC value of the block before
}

// Decode gives the picture as RGB, [h,w,3], 0..255, in the memory of pix where
// it suffices. Gray becomes three equal channels. Errors are those of image/jpeg.
func (d *Decoder) Decode(pix, content []byte) (rgb []byte, h, w int, err error) {
	if d.sequential(content) {
		rgb = sized(pix, d.w*d.h*3)
		if len(d.comp) == 1 {
			grayToRGB(rgb, d.planes.Y, d.planes.YStride, d.w, d.h)
		} else {
			d.ycbcrToRGB(rgb, &d.planes)
		}
		return rgb, d.h, d.w, nil
	}
	img, err := std.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, 0, 0, err
	}
	h, w = img.Bounds().Dy(), img.Bounds().Dx()
	if h == 0 || w == 0 {
		return nil, 0, 0, errors.New("the picture has no pixels")
	}
	rgb = sized(pix, h*w*3)
	switch img := img.(type) {
	case *image.Gray:
		grayToRGB(rgb, img.Pix, img.Stride, w, h)
	case *image.YCbCr:
		d.ycbcrToRGB(rgb, img)
	default:
		for i := range h * w {
			c := color.NRGBAModel.Convert(img.At(i%w, i/w)).(color.NRGBA)
			rgb[3*i], rgb[3*i+1], rgb[3*i+2] = c.R, c.G, c.B
		}
	}
	return rgb, h, w, nil
}

// Size gives the size in the header of a file of any kind, without more memory;
// false where there is none.
func Size(content []byte) (h, w int, ok bool) {
	if len(content) < 2 || content[0] != 0xFF || content[1] != soi {
		return 0, 0, false
	}
	d := Decoder{content: content, at: 2}
	for {
		marker, body := d.segment()
		switch {
		case marker == 0, marker == eoi, marker == sos:
			return 0, 0, false
		case marker >= sof0 && marker <= sof15 && marker != dht && marker != jpg && marker != dac:
			if len(body) < 5 {
				return 0, 0, false
			}
			h, w = int(body[1])<<8|int(body[2]), int(body[3])<<8|int(body[4])
			return h, w, h > 0 && w > 0
		}
	}
}

// sized gives a slice of n elements, in the old memory where it suffices. The contents are unspecified.
func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// Markers.
const (
	soi, eoi       = 0xD8, 0xD9
	sof0, sof1     = 0xC0, 0xC1 // baseline and extended sequential
	sof15          = 0xCF       // the last frame; those before but dht, jpg and dac are of other kinds
	jpg, dac       = 0xC8, 0xCC
	dht, dqt, dri  = 0xC4, 0xDB, 0xDD
	sos            = 0xDA
	app0, app14    = 0xE0, 0xEE
	app15, comment = 0xEF, 0xFE
	rst0           = 0xD0
)

// sequential decodes into d.planes; false where the file is of another kind or damaged.
func (d *Decoder) sequential(content []byte) bool {
	d.content, d.at, d.restart, d.comp = content, 0, 0, d.comp[:0]
	defer func() { d.content = nil }()
	for i := range 4 {
		d.dc[i].valid, d.ac[i].valid, d.quant[i][0] = false, false, 0
	}
	if len(content) < 2 || content[0] != 0xFF || content[1] != soi {
		return false
	}
	d.at = 2
	scanned := false
	for {
		marker, body := d.segment()
		ok := false
		switch {
		case marker == eoi:
			return scanned
		case marker == dqt:
			ok = d.readQuant(body)
		case marker == dht:
			ok = d.readHuffman(body)
		case marker == dri && len(body) == 2:
			d.restart, ok = int(body[0])<<8|int(body[1]), true
		case marker == sof0 || marker == sof1:
			ok = len(d.comp) == 0 && d.readFrame(body)
		case marker == sos:
			ok = !scanned && d.readScan(body) && d.scan()
			scanned = true
		case marker == app14: // Adobe: 0 at the end says that the components are RGB or CMYK
			ok = !(len(body) >= 12 && string(body[:5]) == "Adobe" && body[11] == 0)
		case marker >= app0 && marker <= app15, marker == comment:
			ok = true
		}
		if !ok {
			return false
		}
	}
}

// segment reads a marker and what belongs to it; marker 0 stands for damage.
func (d *Decoder) segment() (marker byte, body []byte) {
	c, at := d.content, d.at
	if at+1 >= len(c) || c[at] != 0xFF {
		return 0, nil
	}
	for at+1 < len(c) && c[at+1] == 0xFF { // fill bytes
		at++
	}
	if at+2 > len(c) {
		return 0, nil
	}
	marker = c[at+1]
	at += 2
	if marker != eoi {
		if at+2 > len(c) {
			return 0, nil
		}
		n := int(c[at])<<8 | int(c[at+1])
		if n < 2 || at+n > len(c) {
			return 0, nil
		}
		body = c[at+2 : at+n]
		at += n
	}
	d.at = at
	return marker, body
}

func (d *Decoder) readQuant(b []byte) bool {
	for len(b) > 0 {
		wide, t := b[0]>>4, b[0]&15
		b = b[1:]
		size := 64 << wide
		if t > 3 || wide > 1 || len(b) < size {
			return false
		}
		for i := range 64 {
			if wide == 1 {
				d.quant[t][i] = int32(b[2*i])<<8 | int32(b[2*i+1])
			} else {
				d.quant[t][i] = int32(b[i])
			}
		}
		b = b[size:]
	}
	return true
}

func (d *Decoder) readFrame(b []byte) bool {
	if len(b) < 6 || b[0] != 8 {
		return false
	}
	d.h, d.w = int(b[1])<<8|int(b[2]), int(b[3])<<8|int(b[4])
	n := int(b[5])
	if d.h == 0 || d.w == 0 || n != 1 && n != 3 || len(b) != 6+3*n {
		return false
	}
	for i := range n {
		p := b[6+3*i:]
		d.comp = append(d.comp, component{id: int(p[0]), h: int(p[1] >> 4), v: int(p[1] & 15), quant: int(p[2])})
		if d.comp[i].quant > 3 {
			return false
		}
	}
	c := d.comp
	if n == 1 {
		c[0].h, c[0].v = 1, 1 // a scan of one component goes block by block
		return true
	}
	rgb := c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B'
	return !rgb && c[0].id != c[1].id && c[0].id != c[2].id && c[1].id != c[2].id &&
		(c[0].h == 1 || c[0].h == 2) && (c[0].v == 1 || c[0].v == 2) &&
		c[1].h == 1 && c[1].v == 1 && c[2].h == 1 && c[2].v == 1
}

func (d *Decoder) readScan(b []byte) bool {
	n := len(d.comp)
	if n == 0 || len(b) != 4+2*n || int(b[0]) != n {
		return false
	}
	for i := range d.comp {
		c := &d.comp[i]
		c.dc, c.ac = int(b[2+2*i]>>4), int(b[2+2*i]&15)
		if int(b[1+2*i]) != c.id || c.dc > 3 || c.ac > 3 ||
			!d.dc[c.dc].valid || !d.ac[c.ac].valid || d.quant[c.quant][0] == 0 {
			return false
		}
	}
	return b[1+2*n] == 0 && b[2+2*n] == 63 && b[3+2*n] == 0
}
