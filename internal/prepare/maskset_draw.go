package prepare

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"hdmnet/internal/infile"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/picture"
	"hdmnet/internal/tally"
)

// draw makes the mask of a picture; false where it has none that can be used.
func (d *setDrawer) draw(p *masked, t *tally.Tally) (Mask, bool) {
	size, err := d.reader.Size(p.path)
	if err == nil && size.Factor() > 1 {
		err = fmt.Errorf("%s: %v pixels, masks are made for at most %d; cut it into tiles", infile.Shown(p.path), size, picture.WholePixels)
	}
	if err != nil {
		t.LeaveAll("masks of pictures that cannot be read", err.Error(), max(1, len(p.classes)))
		return Mask{}, false
	}
	mask := Mask{Pix: make([]uint8, size.H*size.W), H: size.H, W: size.W}
	if p.painted != "" {
		pix, s, err := d.reader.ReadMask(p.painted, labelmap.MaxClasses)
		if err = d.fits(p.painted, s, size, err); err != nil {
			t.Leave("masks that cannot be used", err.Error())
			return Mask{}, false
		}
		mask.Pix = pix
		for i, v := range pix {
			if int(v) >= len(d.names) && v != labelmap.Ignore {
				t.Leave("masks that cannot be used", fmt.Sprintf("%s: value %d at column %d, row %d, but there are %d classes", infile.Shown(p.painted), v, i%s.W, i/s.W, len(d.names)-1))
				return Mask{}, false
			}
		}
		t.Used++
		return mask, true
	}
	// In the order of the classes, so that the later one is seen.
	classes := slices.Clone(p.classes)
	slices.SortStableFunc(classes, func(a, b classMask) int { return cmp.Compare(d.order(a.class), d.order(b.class)) })
	used, overlap := 0, 0
	for _, c := range classes {
		object, s, err := d.object(c.path)
		if err = d.fits(c.path, s, size, err); err != nil {
			t.Leave("masks that cannot be used", err.Error())
			continue
		}
		value := d.valueOf(c.class)
		for i, is := range object {
			if !is {
				continue
			}
			if mask.Pix[i] != 0 && mask.Pix[i] != value {
				overlap++
			}
			mask.Pix[i] = value
		}
		used++
	}
	t.Used += used
	if overlap > 0 {
		t.Remark("pictures with pixels of two classes, of which the later is drawn", fmt.Sprintf("%s (%d pixels)", infile.Shown(p.path), overlap))
	}
	return mask, used > 0
}

func (d *setDrawer) valueOf(class string) uint8 {
	if v, special := labelmap.Special(class); special {
		return v
	}
	return d.value[class]
}

// order is the place of a class among those that are drawn: the background first, what is
// ignored last.
func (d *setDrawer) order(class string) int { return int(d.valueOf(class)) }

// fits is the error of a mask of another size than its picture, or err.
func (d *setDrawer) fits(path string, mask, image picture.Size, err error) error {
	if err == nil && mask != image {
		return fmt.Errorf("mask %s: %v pixels (width×height), but its picture has %v; was one of them resized?", infile.Shown(path), mask, image)
	}
	return err
}

// object reads the mask of one class: what is not black, and not transparent, is the
// object. Between the two, as at smoothed borders, the nearer one counts.
func (d *setDrawer) object(path string) ([]bool, picture.Size, error) {
	level, size, err := d.levels(path)
	if err != nil {
		return nil, size, err
	}
	highest := slices.Max(level)
	object := make([]bool, len(level))
	for i, v := range level {
		object[i] = v > 0 && 2*int(v) >= int(highest)
	}
	return object, size, nil
}

// levels are the brightest channels of a mask's pixels.
func (d *setDrawer) levels(path string) ([]uint16, picture.Size, error) {
	l, err := d.reader.ReadLabels(path)
	if errors.Is(err, picture.ErrLossy) { // as good as smoothed
		pix, size, err := d.reader.ReadImage(path)
		out := make([]uint16, len(pix)/3)
		for i := range out {
			out[i] = uint16(max(pix[3*i], pix[3*i+1], pix[3*i+2]))
			if out[i] < 32 { // the codec's noise around black
				out[i] = 0
			}
		}
		return out, size, err
	}
	if err != nil {
		return nil, picture.Size{}, err
	}
	return brightness(l), l.Size, nil
}

// brightness are the brightest channels of pixels; of a palette 1 for all indices but 0, and
// 0 where a pixel is transparent.
func brightness(l *picture.Labels) []uint16 {
	if l.Deep != nil {
		return l.Deep
	}
	out := make([]uint16, max(len(l.Values), len(l.Painted)/4))
	for i := range out {
		switch {
		case l.Painted != nil:
			if p := l.Painted[4*i:][:4]; p[3] > 0 {
				out[i] = uint16(max(p[0], p[1], p[2]))
			}
		case l.Bits == 0: // an index: 0 is the background, whatever the others' colors
			out[i] = uint16(min(l.Values[i], 1))
		default:
			out[i] = uint16(l.Values[i])
		}
	}
	return out
}
