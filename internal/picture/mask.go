package picture

import (
	"encoding/binary"
	"fmt"
	"slices"

	"hdmnet/internal/infile"
	"hdmnet/internal/labelmap"
)

// convert is what to do about a mask that has no classes in it.
const convert = "convert such masks once with `hdmnet data prepare masks`"

// ReadMask decodes a file whose pixels are classes, [h,w], 0..classes and 255 (ignore); h
// and w are its size as Size.Read gives it. The class is
//   - of a palette picture the index: the color means nothing unless r.Colors says so;
//   - of gray of 8 bits or 16 the value (65535 is 255);
//   - of a color picture with three equal channels that value;
//   - of any other what r.Colors, or PASCAL VOC's palette, say of the color.
//
// Transparent pixels of the last two are background. Errors name the file, what it is or
// holds, and the remedy.
func (r *Reader) ReadMask(path string, classes int) (mask []uint8, s Size, err error) {
	content, err := r.readFile("mask", nil, path)
	if err != nil {
		return nil, Size{}, err
	}
	return r.Mask(nil, content, path, classes)
}

// LoadMask is ReadMask with memory for the values and for the file's content, used where
// they suffice; it gives the latter back.
func (r *Reader) LoadMask(memory, file []uint8, path string, classes int) (mask, content []uint8, s Size, err error) {
	if content, err = r.readFile("mask", file, path); err != nil {
		return nil, nil, Size{}, err
	}
	mask, s, err = r.Mask(memory, content, path, classes)
	return mask, content, s, err
}

// Mask is ReadMask of a file's content, into the memory of memory where it suffices; name
// stands for the file in messages.
func (r *Reader) Mask(memory, content []byte, name string, classes int) (mask []uint8, s Size, err error) {
	l, err := r.Labels(memory, content, name)
	if err != nil {
		return nil, Size{}, err
	}
	if mask, err = r.classes(l, name, classes); err != nil {
		return nil, Size{}, fmt.Errorf("mask %s: %w", infile.Shown(name), err)
	}
	return mask, l.Size, nil
}

func (r *Reader) classes(l *Labels, name string, classes int) ([]uint8, error) {
	_, w := l.Read()
	mask := l.Values
	switch {
	case l.Painted != nil:
		return r.painted(l, name, classes)
	case l.Deep != nil:
		mask = make([]uint8, len(l.Deep))
		for i, v := range l.Deep {
			if v > 255 && v != 0xFFFF {
				return nil, wrongValue(int(v), i, w, classes)
			}
			mask[i] = uint8(v) // the low byte of 65535 is 255
		}
	case l.Bits > 0 && l.Bits < 8 && !r.FewBits:
		return nil, fmt.Errorf("it is %d-bit gray, of which nobody can tell whether white is a class or 255 (ignore); %s", l.Bits, convert)
	case l.Bits == 0 && r.Colors != nil:
		return r.indexed(l, classes)
	}
	if at := outOfRange(mask, classes); at >= 0 {
		return nil, wrongValue(int(mask[at]), at, w, classes)
	}
	return mask, nil
}

func wrongValue(v, at, w, classes int) error {
	return fmt.Errorf("value %d at column %d, row %d, expected a class 0..%d or 255 (ignore); "+
		"does the mask belong to another data set, or hold gray levels instead of class indices?", v, at%w, at/w, classes)
}

// indexed takes the classes of a palette picture from its colors.
func (r *Reader) indexed(l *Labels, classes int) ([]uint8, error) {
	painted := Labels{Size: l.Size, Painted: make([]uint8, 4*len(l.Values))}
	for i, v := range l.Values {
		p := painted.Painted[4*i:][:4]
		if at := 3 * int(v); at+3 <= len(l.Palette) {
			copy(p, l.Palette[at:at+3])
		}
		p[3] = 255
	}
	return r.Colors.classes(&painted, classes)
}

// painted takes the classes from colors.
func (r *Reader) painted(l *Labels, name string, classes int) ([]uint8, error) {
	if r.Colors != nil {
		return r.Colors.classes(l, classes)
	}
	mask := make([]uint8, len(l.Painted)/4)
	equal := true
	for i := range mask {
		p := l.Painted[4*i:][:4]
		if p[3] == 0 {
			continue
		}
		if p[0] != p[1] || p[0] != p[2] {
			equal = false
			break
		}
		mask[i] = p[0]
	}
	_, w := l.Read()
	if equal {
		if at := outOfRange(mask, classes); at >= 0 {
			return nil, wrongValue(int(mask[at]), at, w, classes)
		}
		return mask, nil
	}
	mask, err := VOC.classes(l, classes)
	if err != nil {
		return nil, fmt.Errorf("it is painted in colors: %w", err)
	}
	r.tell(name, []string{"it is painted in PASCAL VOC's colors, whose places in that palette are taken for the classes; " + convert})
	return mask, nil
}

// outOfRange gives the place of the first value that is neither 0..classes nor
// 255, or -1. Most of a mask is stretches of one value: eight equal pixels that
// were seen just before need no other look.
func outOfRange(mask []uint8, classes int) int {
	wrong := func(v uint8) bool { return int(v) > classes && v != labelmap.Ignore }
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
