package png

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
)

// Signature begins every file.
const Signature = "\x89PNG\r\n\x1a\n"

// Color is a kind of pixel, as PNG numbers them.
type Color uint8

// The kinds of pixels.
const (
	Gray      Color = 0
	RGB       Color = 2
	Palette   Color = 3
	GrayAlpha Color = 4
	RGBA      Color = 6
)

// Channels is the number of samples of a pixel; 0 for a kind that does not exist.
func (c Color) Channels() int {
	switch c {
	case Gray, Palette:
		return 1
	case GrayAlpha:
		return 2
	case RGB:
		return 3
	case RGBA:
		return 4
	}
	return 0
}

// Unsupported is the error of a file that may be whole, but is of a kind that is not read.
type Unsupported string

func (u Unsupported) Error() string { return string(u) }

// Header says what a file holds.
type Header struct {
	H, W       int
	Depth      int // bits of a sample: 1, 2, 4, 8 or 16
	Color      Color
	Interlaced bool
	Palette    []byte // [n,3] colors of the indices
	// Key is the sample (Gray) or the three (RGB) of a pixel that is transparent, two
	// bytes each; nil: none.
	Key []byte
}

func (h *Header) pixelBits() int { return h.Depth * h.Color.Channels() }

// sampleBytes is the size of a pixel's samples as Rows gives them.
func (h *Header) sampleBytes() int { return h.Color.Channels() * max(1, h.Depth/8) }

// rowBytes is the size of an inflated row without its filter type.
func (h *Header) rowBytes() int { return (h.W*h.pixelBits() + 7) / 8 }

// ReadHeader reads size and kind from the first bytes of a file, 29 suffice; Palette and
// Key are not known yet.
func ReadHeader(start []byte) (Header, error) {
	const length = len(Signature) + 8 + 13
	if len(start) < length {
		return Header{}, errors.New("PNG: the header is cut short")
	}
	if string(start[:8]) != Signature || string(start[8:16]) != "\x00\x00\x00\x0dIHDR" {
		return Header{}, errors.New("PNG: no header")
	}
	b := start[16:length]
	h := Header{W: int(binary.BigEndian.Uint32(b)), H: int(binary.BigEndian.Uint32(b[4:])), Depth: int(b[8]), Color: Color(b[9]), Interlaced: b[12] == 1}
	legal := false
	switch h.Depth {
	case 8:
		legal = h.Color.Channels() > 0
	case 16:
		legal = h.Color.Channels() > 0 && h.Color != Palette
	case 1, 2, 4:
		legal = h.Color.Channels() == 1
	}
	switch {
	case h.W < 1 || h.H < 1 || h.W > 1<<31-1 || h.H > 1<<31-1:
		return Header{}, fmt.Errorf("PNG: %d×%d pixels", h.W, h.H)
	case !legal:
		return Header{}, fmt.Errorf("PNG: there are no pixels of kind %d with %d bits", h.Color, h.Depth)
	case b[10] != 0 || b[11] != 0 || b[12] > 1:
		return Header{}, errors.New("PNG: compression, filter or interlacing of a kind that does not exist")
	}
	return h, nil
}

// Open takes a file's content apart, up to its pixels, for which content is used again by
// Rows. Errors: what the pixels depend on is missing or has a wrong checksum, or there
// are by far too few data for the size that the header gives.
func (d *Decoder) Open(content []byte) (Header, error) {
	d.data.chunks, d.warnings = d.data.chunks[:0], d.warnings[:0]
	h, err := ReadHeader(content)
	if err != nil {
		return Header{}, err
	}
	packed, ended := 0, false
	for c := content[len(Signature):]; !ended; {
		if len(c) < 12 {
			if packed == 0 {
				return Header{}, errors.New("PNG: the file ends before the pixels")
			}
			d.warn("no end marker")
			break
		}
		n, kind := int(binary.BigEndian.Uint32(c)), string(c[4:8])
		vital := kind == "IHDR" || kind == "IDAT" || kind == "PLTE" && h.Color == Palette
		if n > len(c)-12 {
			if !vital && packed > 0 {
				d.warn(fmt.Sprintf("the file ends in a chunk %s after the pixels", strconv.Quote(kind)))
				break
			}
			return Header{}, fmt.Errorf("PNG: the file ends in a chunk %s", strconv.Quote(kind))
		}
		body := c[8 : 8+n]
		sound := crc32.ChecksumIEEE(c[4:8+n]) == binary.BigEndian.Uint32(c[8+n:])
		switch {
		case !sound && vital:
			return Header{}, fmt.Errorf("PNG: the checksum of a chunk %s is wrong", kind)
		case !sound:
			d.warn(fmt.Sprintf("the checksum of a chunk %s, which no pixel depends on, is wrong", strconv.Quote(kind)))
		}
		switch {
		case kind == "IDAT":
			d.data.chunks = append(d.data.chunks, body)
			packed += n
		case kind == "IEND":
			ended = true
		case kind == "PLTE" && vital:
			if n%3 != 0 || n == 0 || n > 768 {
				return Header{}, fmt.Errorf("PNG: a palette of %d bytes", n)
			}
			h.Palette = body
		case kind == "tRNS" && sound && (h.Color == Gray && n == 2 || h.Color == RGB && n == 6):
			h.Key = body
		case kind != "IHDR" && kind != "PLTE" && c[4]&0x20 == 0:
			return Header{}, Unsupported(fmt.Sprintf("PNG with a chunk %s, which the pixels depend on and no standard has, is not read: save it as an ordinary PNG", strconv.Quote(kind)))
		}
		c = c[12+n:]
	}
	switch {
	case packed == 0:
		return Header{}, errors.New("PNG: there are no pixels in it")
	case h.Color == Palette && h.Palette == nil:
		return Header{}, errors.New("PNG: the palette is missing")
	case h.H > 1+1100*packed/h.rowBytes(): // deflate packs 1032 to 1 at most
		return Header{}, fmt.Errorf("PNG: %d bytes of data, too few for %d×%d pixels", packed, h.W, h.H)
	}
	d.header = h
	return h, nil
}
