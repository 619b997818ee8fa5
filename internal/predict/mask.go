package predict

import (
	"fmt"

	"hdmnet/internal/infile"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/picture"
)

// mask is a support's mask as the network reads it.
type mask struct {
	h, w            int
	size            picture.Size // of the file, larger than h×w where it was read at a smaller scale
	values          []uint8      // [h,w] 1 the object, 0 background, 255 ignore
	object, ignored bool         // whether any pixel is the object; whether any is ignored
}

// readMask reads the mask of a support, or a scribble.
func readMask(r *picture.Reader, path string) (*mask, error) {
	l, err := r.ReadLabels(path)
	if err != nil {
		return nil, err
	}
	return newMask(l), nil
}

// newMask applies the rule that a value is the object when it is neither 0 nor 255. The
// value is
//   - of a palette picture the index, whatever its color;
//   - of a gray picture the stored value; with 16 bits 65535 is ignore too;
//   - of a color picture 0 for black and for transparent pixels, 255 for white, and
//     something between for all other colors.
func newMask(l *picture.Labels) *mask {
	m := &mask{size: l.Size}
	m.h, m.w = l.Read()
	m.values = make([]uint8, m.h*m.w)
	for i := range m.values {
		switch value(l, i) {
		case 0:
		case labelmap.Ignore:
			m.values[i] = labelmap.Ignore
			m.ignored = true
		default:
			m.values[i] = 1
			m.object = true
		}
	}
	return m
}

// value is 0, 255 or something between.
func value(l *picture.Labels, i int) uint8 {
	switch {
	case l.Values != nil:
		return l.Values[i]
	case l.Deep != nil:
		switch l.Deep[i] {
		case 0:
			return 0
		case labelmap.Ignore, 0xFFFF:
			return labelmap.Ignore
		}
		return 1
	}
	switch c := [4]uint8(l.Painted[4*i:]); {
	case c[3] == 0, c[0] == 0 && c[1] == 0 && c[2] == 0:
		return 0
	case c[0] == 255 && c[1] == 255 && c[2] == 255:
		return labelmap.Ignore
	}
	return 1
}

// whiteIsObject makes what is ignored the object.
func (m *mask) whiteIsObject() {
	for i, v := range m.values {
		if v == labelmap.Ignore {
			m.values[i] = 1
		}
	}
	m.object, m.ignored = m.object || m.ignored, false
}

// empty says what is wrong with a mask that shows no object.
func (m *mask) empty(path string) string {
	if m.ignored {
		return fmt.Sprintf("support mask %s shows no object: its only values are 0 (background) and 255 (white), which is ignored; "+
			"if white is the object, add --mask-white-is-object, else draw the object with any value from 1 to 254", infile.Shown(path))
	}
	return fmt.Sprintf("support mask %s shows no object: it is 0 everywhere; draw the object with any value from 1 to 254", infile.Shown(path))
}

// readClass reads the mask of one class from a mask of several, a palette or gray picture.
func readClass(r *picture.Reader, path string, class uint8) (*mask, error) {
	values, size, err := r.ReadMask(path, labelmap.Ignore-1)
	if err != nil {
		return nil, err
	}
	m := &mask{size: size, values: values}
	m.h, m.w = size.Read()
	for i, v := range values {
		switch v {
		case class:
			values[i], m.object = 1, true
		case labelmap.Ignore:
			m.ignored = true
		default:
			values[i] = 0
		}
	}
	return m, nil
}
