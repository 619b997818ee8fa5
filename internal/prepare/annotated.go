package prepare

import (
	"fmt"
	"math"

	"hdmnet/internal/coco"
	"hdmnet/internal/infile"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/picture"
	"hdmnet/internal/tally"
)

// annotated is a picture with what was drawn on it.
type annotated struct {
	path   string // of the annotation
	stem   string // of the mask's name, with slashes, without extension
	list   string // its place in a split, "train.txt"; empty: customList
	image  string // path of the picture
	h, w   int
	shapes []shape
	left   tally.Tally // of shapes that are not drawn
}

// shape is something drawn: a polygon, an ellipse around xy, or a mask whose upper left
// pixel is at xy.
type shape struct {
	label  string
	name   string // for messages
	xy     []float64
	rx, ry float64 // half axes of an ellipse, > 0
	angle  float64 // by which it is turned, in degrees, from x towards y
	mask   *Mask   // of 0 and 1
	// unpack makes such a mask when it is drawn: those of all pictures are too large to be
	// kept.
	unpack func() (*Mask, error)
}

// Reasons for which a shape is left out.
const (
	whyNoArea   = "shapes without an area (points and lines)"
	whyNoLabel  = "shapes without a label"
	whyBadShape = "shapes that cannot be drawn"
	whyNoPixel  = "shapes that leave no pixel (outside of the picture, or thinner than one)"
)

// count counts what was read, and tells of what was left out where it is.
func (a *annotated) count(t *tally.Tally) {
	t.Read += len(a.shapes) + a.left.LeftOut()
	for _, reasons := range [][]tally.Reason{a.left.Left, a.left.Remarks} {
		for _, r := range reasons {
			for i := range r.First {
				r.First[i] = infile.Shown(a.path) + ": " + r.First[i]
			}
		}
	}
	t.Add(&a.left)
}

// settle looks at the picture, which err says is not there; false: it is left out, with all
// that was drawn on it.
func (a *annotated) settle(err error, t *tally.Tally) bool {
	leave := func(why string, err error) bool {
		t.LeaveAll(why, fmt.Sprintf("%s: %v", infile.Shown(a.path), err), len(a.shapes))
		if len(a.shapes) == 0 {
			t.Drop("annotations whose picture cannot be used", fmt.Sprintf("%s: %v", infile.Shown(a.path), err))
		}
		return false
	}
	if err != nil {
		return leave("objects of pictures that are not found", fmt.Errorf("its picture: %w", err))
	}
	size, err := new(picture.Reader).Size(a.image)
	if err != nil {
		return leave("objects of pictures that cannot be read", fmt.Errorf("its picture: %w", err))
	}
	h, w := size.H, size.W
	if a.h == 0 && a.w == 0 {
		a.h, a.w = h, w
	}
	switch {
	case a.h != h || a.w != w:
		return leave("objects of pictures of another size than their annotations say",
			fmt.Errorf("drawn on a picture of %d×%d pixels (width×height), but %s is %d×%d; was it resized, or does it carry a rotation (EXIF) that the tool applied?",
				a.w, a.h, infile.Shown(a.image), w, h))
	case int64(h)*int64(w) > coco.MaxPixels:
		return leave("objects of pictures that are too large", fmt.Errorf("a picture of %d×%d pixels, expected at most %d in all", w, h, coco.MaxPixels))
	}
	return true
}

// draw draws the shapes and counts them; names are the classes, [0] the background.
func (a *annotated) draw(names []string, t *tally.Tally) Mask {
	values := make(map[string]uint8, len(names))
	for c, name := range names {
		values[name] = uint8(c)
	}
	m := Mask{Pix: make([]uint8, a.h*a.w), H: a.h, W: a.w}
	for _, s := range a.shapes {
		value, special := labelmap.Special(s.label)
		if !special {
			value = values[s.label]
		}
		var painted bool
		var err error
		if s.unpack != nil {
			s.mask, err = s.unpack()
		}
		switch {
		case err != nil:
		case s.mask != nil:
			painted = m.paste(s.mask, s.xy[0], s.xy[1], value)
		case s.rx > 0 && s.ry > 0:
			painted = m.ellipse(s, value)
		default:
			painted, err = coco.DrawPolygon(m.Pix, m.H, m.W, s.xy, value)
		}
		switch what := infile.Shown(a.path) + ": " + s.name; {
		case err != nil:
			t.Leave(whyBadShape, fmt.Sprintf("%s: %v", what, err))
		case !painted:
			t.Leave(whyNoPixel, what)
		default:
			t.Used++
		}
	}
	return m
}

// paste draws the ones of a mask whose upper left pixel is at (x0,y0), cut to whole numbers
// as LabelMe does.
func (m Mask) paste(part *Mask, x0, y0 float64, value uint8) (painted bool) {
	const far = 1 << 30
	left, top := int(min(max(x0, -far), far)), int(min(max(y0, -far), far))
	for y := max(0, -top); y < min(part.H, m.H-top); y++ {
		for x := max(0, -left); x < min(part.W, m.W-left); x++ {
			if part.Pix[y*part.W+x] != 0 {
				m.Pix[(top+y)*m.W+left+x] = value
				painted = true
			}
		}
	}
	return painted
}

// ellipse fills the pixels whose middle is inside an ellipse.
func (m Mask) ellipse(s shape, value uint8) (painted bool) {
	inside := func(v float64, n int) int { return int(min(max(v, 0), float64(n))) }
	sin, cos := math.Sincos(s.angle * math.Pi / 180)
	cx, cy, r := s.xy[0], s.xy[1], max(s.rx, s.ry)
	for y := inside(cy-r, m.H); y < inside(cy+r+1, m.H); y++ {
		dy := float64(y) + 0.5 - cy
		for x := inside(cx-r, m.W); x < inside(cx+r+1, m.W); x++ {
			dx := float64(x) + 0.5 - cx
			u, v := (float64(dx*cos)+float64(dy*sin))*s.ry, (float64(dy*cos)-float64(dx*sin))*s.rx
			if edge := s.rx * s.ry; float64(u*u)+float64(v*v) <= float64(edge*edge) {
				m.Pix[y*m.W+x] = value
				painted = true
			}
		}
	}
	return painted
}
