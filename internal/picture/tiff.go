package picture

import (
	"bytes"
	"encoding/binary"
	"image"

	"golang.org/x/image/tiff"
)

// decodeTIFF decodes a TIFF. Of fax compression (CCITT) with black as zero x/image/tiff
// gives the inverse of what libtiff reads.
func decodeTIFF(content []byte) (image.Image, error) {
	img, err := tiff.Decode(bytes.NewReader(content))
	if m, ok := img.(*image.Gray); ok && err == nil {
		const compression, photometric, blackIsZero, fax3, fax4 = 259, 262, 1, 3, 4
		if c := tiffTag(content, compression); (c == fax3 || c == fax4) && tiffTag(content, photometric) == blackIsZero {
			for i := range m.Pix {
				m.Pix[i] = ^m.Pix[i]
			}
		}
	}
	return img, err
}

// tiffTag is the value of a tag of the first picture that is a short number; -1: none.
func tiffTag(content []byte, tag uint16) int {
	if len(content) < 8 {
		return -1
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if content[0] == 'M' {
		order = binary.BigEndian
	}
	at := uint64(order.Uint32(content[4:]))
	if at+2 > uint64(len(content)) {
		return -1
	}
	entries := content[at+2:]
	for range order.Uint16(content[at:]) {
		if len(entries) < 12 {
			return -1
		}
		const short = 3
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == short {
			return int(order.Uint16(entries[8:]))
		}
		entries = entries[12:]
	}
	return -1
}
