package picture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
)

// pnm is the header of a PBM, PGM or PPM, P1 to P6.
type pnm struct {
	w, h, most int // most is the greatest value, 1 for PBM
	channels   int
	text       bool // values are written out
	bits       bool // PBM
}

// pnmHeader reads up to the values, and the one byte of white space before binary ones.
func pnmHeader(r *bufio.Reader) (pnm, error) {
	var magic [2]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return pnm{}, errors.New("the header is cut short")
	}
	p := pnm{most: 1, channels: 1, text: magic[1] < '4', bits: magic[1] == '1' || magic[1] == '4'}
	if magic[1] == '3' || magic[1] == '6' {
		p.channels = 3
	}
	fields := []*int{&p.w, &p.h}
	if !p.bits {
		fields = append(fields, &p.most)
	}
	for _, f := range fields {
		var err error
		if *f, err = pnmNumber(r, false); err != nil {
			return pnm{}, err
		}
	}
	if p.w < 1 || p.h < 1 || p.most < 1 || p.most > 65535 {
		return pnm{}, fmt.Errorf("%d×%d pixels of values up to %d", p.w, p.h, p.most)
	}
	return p, nil
}

// pnmNumber reads a number and the byte behind it, after white space and comments; of a
// digit alone it takes that.
func pnmNumber(r *bufio.Reader, digit bool) (int, error) {
	n, seen := 0, false
	for {
		c, err := r.ReadByte()
		switch {
		case err == io.EOF && seen:
			return n, nil
		case err != nil:
			return 0, errors.New("it ends too early")
		case c >= '0' && c <= '9':
			if n, seen = 10*n+int(c-'0'), true; n > 1<<24 {
				return 0, errors.New("a number that is too large")
			}
			if digit {
				return n, nil
			}
		case c == '#' && !seen:
			if _, err := r.ReadString('\n'); err != nil {
				return 0, errors.New("it ends too early")
			}
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f':
			if seen {
				return n, nil
			}
		default:
			return 0, fmt.Errorf("%q where a number should be", c)
		}
	}
}

func pnmConfig(r io.Reader) (image.Config, error) {
	p, err := pnmHeader(bufio.NewReader(r))
	return image.Config{Width: p.w, Height: p.h}, err
}

// decodePNM gives values as they are stored, whatever the greatest, as OpenCV does; in PBM 1
// is black.
func decodePNM(content []byte) (image.Image, error) {
	r := bufio.NewReader(bytes.NewReader(content))
	p, err := pnmHeader(r)
	if err != nil {
		return nil, err
	}
	n := p.w * p.channels // values of a row
	rowBytes := n         // a digit for a value, at least, in text
	switch {
	case p.text:
	case p.bits:
		rowBytes = (n + 7) / 8
	case p.most > 255:
		rowBytes = 2 * n
	}
	if p.h > len(content)/rowBytes {
		return nil, errors.New("it ends too early")
	}
	put, img := p.image()
	row := make([]byte, rowBytes)
	for y := range p.h {
		if !p.text {
			if _, err := io.ReadFull(r, row); err != nil {
				return nil, errors.New("it ends too early")
			}
		}
		for i := range n {
			var v int
			switch {
			case p.text:
				if v, err = pnmNumber(r, p.bits); err != nil {
					return nil, err
				}
				if v > p.most {
					return nil, fmt.Errorf("a value %d, but the greatest is %d", v, p.most)
				}
			case p.bits:
				v = int(row[i/8] >> (7 - i%8) & 1)
			case p.most > 255:
				v = int(row[2*i])<<8 | int(row[2*i+1])
			default:
				v = int(row[i])
			}
			put(y*n+i, v)
		}
	}
	return img, nil
}

// image is an empty picture, and what writes its i-th value.
func (p *pnm) image() (put func(i, v int), img image.Image) {
	rect := image.Rect(0, 0, p.w, p.h)
	switch {
	case p.bits:
		m := image.NewGray(rect)
		return func(i, v int) { m.Pix[i] = uint8(255 * (1 - v)) }, m
	case p.channels == 3:
		m := image.NewNRGBA(rect)
		shift := 0
		if p.most > 255 {
			shift = 8
		}
		return func(i, v int) {
			at := i/3*4 + i%3
			m.Pix[at] = uint8(v >> shift)
			m.Pix[i/3*4+3] = 255
		}, m
	case p.most > 255:
		m := image.NewGray16(rect)
		return func(i, v int) { m.SetGray16(i%p.w, i/p.w, color.Gray16{Y: uint16(v)}) }, m
	}
	m := image.NewGray(rect)
	return func(i, v int) { m.Pix[i] = uint8(v) }, m
}
