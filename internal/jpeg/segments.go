package jpeg

import (
	"errors"
	"fmt"
)

// Markers.
const (
	soi, eoi        = 0xD8, 0xD9
	sof0, sof1      = 0xC0, 0xC1 // baseline and extended sequential
	sof2            = 0xC2       // progressive
	sof15           = 0xCF       // the last frame; those before but dht, jpg and dac are of other kinds
	jpg, dac        = 0xC8, 0xCC
	dht, dqt, dri   = 0xC4, 0xDB, 0xDD
	sos             = 0xDA
	app0, app14     = 0xE0, 0xEE
	rst0, rst7, tem = 0xD0, 0xD7, 0x01
)

// Unsupported is the error of a file that may be whole, but is of a kind that is not read.
type Unsupported string

func (u Unsupported) Error() string { return string(u) }

// errEnds is the end of the file within or before a segment.
var errEnds = errors.New("JPEG: the file ends in its header")

func isFrame(marker byte) bool {
	return marker >= sof0 && marker <= sof15 && marker != dht && marker != jpg && marker != dac
}

// segment reads a marker and what belongs to it, over bytes that belong to nothing.
func (d *Decoder) segment() (marker byte, body []byte, err error) {
	c, at := d.content, d.at
	start := at
	at, marker = findMarker(c, at)
	if marker == 0 {
		return 0, nil, errEnds
	}
	if at > start {
		d.warn("bytes between the segments that belong to nothing")
	}
	for c[at+1] == 0xFF { // fill bytes
		at++
	}
	at += 2
	if marker != eoi && marker != soi && marker != tem && (marker < rst0 || marker > rst7) {
		if at+2 > len(c) {
			return 0, nil, errEnds
		}
		n := int(c[at])<<8 | int(c[at+1])
		if n < 2 {
			return 0, nil, fmt.Errorf("JPEG: a segment %#x of %d bytes", marker, n)
		}
		if at+n > len(c) {
			return 0, nil, errEnds
		}
		body = c[at+2 : at+n]
		at += n
	}
	d.at = at
	return marker, body, nil
}

// findMarker is the place of the next marker at or after at, and the marker; 0: there is none.
func findMarker(c []byte, at int) (int, byte) {
	for ; at+1 < len(c); at++ {
		if c[at] != 0xFF {
			continue
		}
		end := at + 1
		for end < len(c) && c[end] == 0xFF {
			end++
		}
		if end < len(c) && c[end] != 0 {
			return at, c[end]
		}
		at = end - 1
	}
	return len(c), 0
}

// readSegments goes on to the next scan; false at the end of the file.
func (d *Decoder) readSegments() (scan bool, err error) {
	for {
		marker, body, err := d.segment()
		if err != nil {
			return false, err
		}
		switch {
		case marker == eoi:
			return false, nil
		case marker == sos:
			return true, d.readScan(body)
		case marker == dqt:
			err = d.readQuant(body)
		case marker == dht:
			err = d.readHuffman(body)
		case marker == dri:
			if len(body) != 2 {
				return false, errors.New("JPEG: a restart interval without a number")
			}
			d.restart = int(body[0])<<8 | int(body[1])
		case isFrame(marker):
			err = d.readFrame(marker, body)
		case marker == app0 && len(body) >= 12 && string(body[:5]) == "JFIF\x00":
			d.jfif = true
		case marker == app14 && len(body) >= 12 && string(body[:5]) == "Adobe":
			d.adobe = int(body[11])
		case marker == soi || marker > tem && marker < sof0:
			return false, fmt.Errorf("JPEG: an unexpected marker %#x", marker)
		}
		if err != nil {
			return false, err
		}
	}
}

func (d *Decoder) readQuant(b []byte) error {
	for len(b) > 0 {
		wide, t := b[0]>>4, b[0]&15
		b = b[1:]
		size := 64 << wide
		if t > 3 || wide > 1 || len(b) < size {
			return errors.New("JPEG: a quantization table that cannot be")
		}
		for i := range 64 {
			if wide == 1 {
				d.quant[t][i] = int32(b[2*i])<<8 | int32(b[2*i+1])
			} else {
				d.quant[t][i] = int32(b[i])
			}
		}
		d.quantized[t] = true
		b = b[size:]
	}
	return nil
}

func (d *Decoder) readFrame(marker byte, b []byte) error {
	switch {
	case len(d.comp) > 0:
		return errors.New("JPEG: two pictures in one")
	case marker >= 0xC9:
		return Unsupported("JPEG with arithmetic coding is not read: save it with Huffman coding, for instance with `djpeg FILE | cjpeg > NEW`")
	case marker == 0xC3:
		return Unsupported("lossless JPEG is not read: save it as PNG")
	case marker > sof2:
		return Unsupported("hierarchical JPEG is not read: save it as ordinary JPEG or PNG")
	case len(b) < 6:
		return errEnds
	case b[0] != 8:
		return Unsupported(fmt.Sprintf("JPEG of %d bits a sample is not read: save it with 8 bits, or as PNG", b[0]))
	}
	d.progressive = marker == sof2
	d.h, d.w = int(b[1])<<8|int(b[2]), int(b[3])<<8|int(b[4])
	n := int(b[5])
	if d.h == 0 || d.w == 0 {
		return errors.New("JPEG: a picture without pixels")
	}
	if n != 1 && n != 3 && n != 4 || len(b) < 6+3*n {
		return fmt.Errorf("JPEG: %d components, expected 1 (gray), 3 (color) or 4 (CMYK)", n)
	}
	d.maxH, d.maxV = 1, 1
	for i := range n {
		p := b[6+3*i:]
		c := component{id: int(p[0]), h: int(p[1] >> 4), v: int(p[1] & 15), table: int(p[2])}
		if n == 1 {
			c.h, c.v = 1, 1 // a scan of one component goes block by block
		}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.table > 3 {
			return fmt.Errorf("JPEG: component %d with sampling factors %d×%d and quantization table %d", i, c.h, c.v, c.table)
		}
		d.maxH, d.maxV = max(d.maxH, c.h), max(d.maxV, c.v)
		d.comp = append(d.comp, c)
	}
	return nil
}

// readScan takes which components a scan has, with which tables, and, of a progressive
// file, which bits of which coefficients.
func (d *Decoder) readScan(b []byte) error {
	if len(d.comp) == 0 {
		return errors.New("JPEG: a scan before the frame")
	}
	n := 0
	if len(b) > 0 {
		n = int(b[0])
	}
	if n < 1 || n > len(d.comp) || len(b) < 4+2*n {
		return fmt.Errorf("JPEG: a scan of %d components in %d bytes", n, len(b))
	}
	s := &d.scan
	*s = scan{from: int(b[1+2*n]), to: int(b[2+2*n]), high: int(b[3+2*n] >> 4), low: int(b[3+2*n] & 15)}
	if !d.progressive {
		s.from, s.to, s.high, s.low = 0, 63, 0, 0 // libjpeg only warns of others
	}
	dc := s.from == 0
	if d.progressive && (dc && s.to != 0 || !dc && (s.from > s.to || s.to > 63 || n != 1) || s.high != 0 && s.low != s.high-1 || s.low > 13) {
		return fmt.Errorf("JPEG: a scan of coefficients %d to %d, bits %d to %d, cannot be", s.from, s.to, s.high, s.low)
	}
	blocks := 0
	for i := range n {
		id, k := int(b[1+2*i]), -1
		for j := range d.comp {
			if d.comp[j].id == id && !s.has(j) {
				k = j
				break
			}
		}
		if k < 0 {
			return fmt.Errorf("JPEG: a scan of a component %d, which the frame has not", id)
		}
		c := &d.comp[k]
		c.dc, c.ac = int(b[2+2*i]>>4), int(b[2+2*i]&15)
		s.comps = append(s.comps, k)
		blocks += c.h * c.v
		if (dc && s.high == 0) && !d.ready(&d.dc, c.dc, false) || s.to > 0 && !d.ready(&d.ac, c.ac, true) {
			return fmt.Errorf("JPEG: the Huffman tables %d and %d of component %d are missing or cannot be", c.dc, c.ac, k)
		}
		if !c.scanned { // a later table of that number is not for this component
			if !d.quantized[c.table] {
				return fmt.Errorf("JPEG: quantization table %d of component %d is missing", c.table, k)
			}
			c.quant, c.scanned = d.quant[c.table], true
		}
	}
	if n > 1 && blocks > 10 {
		return fmt.Errorf("JPEG: %d blocks in a unit, expected at most 10", blocks)
	}
	return nil
}
