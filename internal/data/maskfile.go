package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
	"os"
	"slices"
	"sync"
)

// ReadMask decodes a PNG whose pixels are class indices, [h,w]: a palette
// image, where the index is the class and the palette's color means nothing,
// or 8-bit gray, where the value is the class. Values are 0..classes and 255.
// Errors name the file, what it is or holds, and the remedy.
func ReadMask(path string, classes int) (mask []uint8, h, w int, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("mask: %w", err)
	}
	return DecodeMask(content, path, classes)
}

// DecodeMask is ReadMask for a file's content; name stands for it in messages.
func DecodeMask(content []byte, name string, classes int) (mask []uint8, h, w int, err error) {
	return decodeMask(nil, content, name, classes)
}

// maskDecoders keep the memory of decoding masks.
var maskDecoders = sync.Pool{New: func() any { return new(maskDecoder) }}

// decodeMask is DecodeMask into the memory of memory where it suffices.
func decodeMask(memory, content []byte, name string, classes int) (mask []uint8, h, w int, err error) {
	if err := checkMaskKind(content, name); err != nil {
		return nil, 0, 0, err
	}
	w, h = int(binary.BigEndian.Uint32(content[16:])), int(binary.BigEndian.Uint32(content[20:]))
	if err := checkSize(name, h, w); err != nil {
		return nil, 0, 0, err
	}
	d := maskDecoders.Get().(*maskDecoder)
	mask, h, w, ok := d.decode(memory, content)
	maskDecoders.Put(d)
	if !ok {
		if mask, h, w, err = decodeRareMask(content, name); err != nil {
			return nil, 0, 0, err
		}
	}
	if at := outOfRange(mask, classes); at >= 0 {
		return nil, 0, 0, fmt.Errorf("mask %s: value %d at column %d, row %d, expected a class 0..%d or 255 (ignore); "+
			"does the mask belong to another data set, or hold gray levels instead of class indices?", name, mask[at], at%w, at/w, classes)
	}
	return mask, h, w, nil
}

// decodeRareMask reads what maskDecoder does not.
func decodeRareMask(content []byte, name string) (mask []uint8, h, w int, err error) {
	img, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, 0, 0, fmt.Errorf("mask %s: %w; the file is damaged or cut short (%d bytes): copy it again", name, err, len(content))
	}
	switch img := img.(type) { // the decoder leaves no gap between rows
	case *image.Paletted:
		mask = img.Pix
	case *image.Gray:
		mask = img.Pix
	default: // gray with one transparent value
		return nil, 0, 0, maskKindError(name, "gray with transparency")
	}
	return mask, img.Bounds().Dy(), img.Bounds().Dx(), nil
}

// outOfRange gives the place of the first value that is neither 0..classes nor
// 255, or -1. Most of a mask is stretches of one value: eight equal pixels that
// were seen just before need no other look.
func outOfRange(mask []uint8, classes int) int {
	wrong := func(v uint8) bool { return int(v) > classes && v != Ignore }
	seen := uint64(0) // eight times background
	at := 0
	for ; at+8 <= len(mask); at += 8 {
		eight := binary.LittleEndian.Uint64(mask[at:])
		if eight == seen {
			continue
		}
		if i := slices.IndexFunc(mask[at:at+8], wrong); i >= 0 {
			return at + i
		}
		seen = eight
	}
	if i := slices.IndexFunc(mask[at:], wrong); i >= 0 {
		return at + i
	}
	return -1
}

// checkMaskKind looks at the PNG header: the decoder would stretch gray levels
// of fewer than 8 bits to 0..255, so they must be refused before.
func checkMaskKind(content []byte, name string) error {
	const signature = "\x89PNG\r\n\x1a\n"
	if len(content) < 26 || string(content[:8]) != signature || string(content[12:16]) != "IHDR" {
		return fmt.Errorf("mask %s: not a PNG file; JPEG changes class indices, so masks must be palette or 8-bit gray PNG", name)
	}
	depth, kind := content[24], content[25]
	switch {
	case kind == 3, kind == 0 && depth == 8:
		return nil
	case kind == 0:
		return maskKindError(name, fmt.Sprintf("%d-bit gray", depth))
	case kind == 4:
		return maskKindError(name, "gray with transparency")
	case kind == 2, kind == 6:
		return maskKindError(name, "a color image")
	}
	return maskKindError(name, fmt.Sprintf("of PNG color type %d", kind))
}

func maskKindError(name, kind string) error {
	return fmt.Errorf("mask %s: it is %s, expected a palette PNG (index = class) or an 8-bit gray PNG (value = class); "+
		"convert it to class indices first", name, kind)
}
