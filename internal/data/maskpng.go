package data

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// maskDecoder reads the PNG files that masks are as a rule, 8 bits, palette or
// gray, not interlaced, to their values, and keeps its memory from one to the
// next. All else is for image/png, which takes new memory for every picture.
type maskDecoder struct {
	packed   []byte
	reader   bytes.Reader
	inflater io.ReadCloser
	rows     [2][]byte // filter type and filtered row; this one and the one above
}

// decode gives the values, [h,w], in the memory of mask where it suffices;
// false where the file is of another kind or damaged.
func (d *maskDecoder) decode(mask, content []byte) (values []byte, h, w int, ok bool) {
	h, w, ok = d.chunks(content)
	// Deflate packs 1032 to 1 at most.
	if !ok || h < 1 || w < 1 || h*(w+1) > 1100*len(d.packed) {
		return nil, 0, 0, false
	}
	d.reader.Reset(d.packed)
	var err error
	if d.inflater == nil {
		d.inflater, err = zlib.NewReader(&d.reader)
	} else {
		err = d.inflater.(zlib.Resetter).Reset(&d.reader, nil)
	}
	if err != nil {
		return nil, 0, 0, false
	}
	values = grow(mask, h*w)
	this, above := grow(d.rows[0], w+1), grow(d.rows[1], w+1)
	clear(above)
	for y := range h {
		if _, err := io.ReadFull(d.inflater, this); err != nil || !unfilter(this[0], this[1:], above[1:]) {
			return nil, 0, 0, false
		}
		copy(values[y*w:], this[1:])
		this, above = above, this
	}
	d.rows = [2][]byte{this, above}
	var more [1]byte
	n, err := d.inflater.Read(more[:]) // the end, where the checksum is compared
	return values, h, w, n == 0 && err == io.EOF
}

// chunks collects the image data in d.packed.
func (d *maskDecoder) chunks(content []byte) (h, w int, ok bool) {
	const signature = "\x89PNG\r\n\x1a\n"
	if !bytes.HasPrefix(content, []byte(signature)) {
		return 0, 0, false
	}
	d.packed = d.packed[:0]
	palette := false
	for c := content[len(signature):]; len(c) >= 12; {
		n := int(binary.BigEndian.Uint32(c))
		if n > len(c)-12 || crc32.ChecksumIEEE(c[4:8+n]) != binary.BigEndian.Uint32(c[8+n:]) {
			return 0, 0, false
		}
		body := c[8 : 8+n]
		switch kind := string(c[4:8]); {
		case kind == "IHDR":
			if n != 13 || w != 0 {
				return 0, 0, false
			}
			w, h = int(binary.BigEndian.Uint32(body)), int(binary.BigEndian.Uint32(body[4:]))
			// Depth, color type, compression, filter, interlacing.
			if gray := body[9] == 0; body[8] != 8 || !gray && body[9] != 3 || body[10]|body[11]|body[12] != 0 {
				return 0, 0, false
			} else if gray {
				palette = true // needs none
			}
		case kind == "PLTE":
			palette = true
		case kind == "IDAT":
			if w == 0 || !palette {
				return 0, 0, false
			}
			d.packed = append(d.packed, body...)
		case kind == "IEND":
			return h, w, len(d.packed) > 0
		case kind == "tRNS" && content[25] == 0, c[4]&0x20 == 0: // a transparent gray value, an unknown critical chunk
			return 0, 0, false
		}
		c = c[12+n:]
	}
	return 0, 0, false
}

// unfilter undoes a PNG row filter for pixels of one byte.
func unfilter(kind byte, row, above []byte) bool {
	above = above[:len(row)]
	var left, corner byte
	switch kind {
	case 0:
	case 1:
		for i := range row {
			left += row[i]
			row[i] = left
		}
	case 2:
		for i, v := range above {
			row[i] += v
		}
	case 3:
		for i, v := range above {
			left = row[i] + byte((int(left)+int(v))/2)
			row[i] = left
		}
	case 4:
		for i, v := range above {
			left = row[i] + paeth(left, v, corner)
			row[i], corner = left, v
		}
	default:
		return false
	}
	return true
}

// paeth is whichever of left, above and corner is nearest to left + above - corner.
func paeth(left, above, corner byte) byte {
	a, b, c := int(left), int(above), int(corner)
	distance := func(v int) int { return max(v, -v) }
	pa, pb, pc := distance(b-c), distance(a-c), distance(a+b-2*c)
	switch {
	case pa <= pb && pa <= pc:
		return left
	case pb <= pc:
		return above
	}
	return corner
}
