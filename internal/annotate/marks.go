// Package annotate turns what a person marks in a picture (boxes, points, a scribble)
// into the mask of an object, by a fixed rule without any learning: the same marks in
// the same picture always give the same mask.
package annotate

import (
	"errors"
	"fmt"
	"math"
)

// Box holds the columns X0 ≤ x < X1 and the rows Y0 ≤ y < Y1, in pixels from the upper
// left corner.
type Box struct{ X0, Y0, X1, Y1 int }

// Point is a pixel, counted from the upper left corner, (0, 0).
type Point struct{ X, Y int }

// Marks are what a person says about one picture.
type Marks struct {
	Boxes    []Box   // around the objects
	Points   []Point // on the objects
	Not      []Point // on the background
	Scribble []uint8 // [h,w]: pixels other than 0 are on the objects; nil: none
	NotLines []uint8 // [h,w]: pixels other than 0 are on the background; nil: none
}

// seeds tells whether something is marked from which an object is grown.
func (m *Marks) seeds() bool { return len(m.Points) > 0 || m.Scribble != nil }

// Mask returns the object's mask [h,w], 1 the object and 0 background, in the picture
// pix [h,w,3] RGB.
//
// Boxes alone: their filled area, as the field's bbox annotation has it.
//
// Points and scribbles: the object is grown from them. The colors within 4 % of the
// picture's diagonal around the marks are compared with the colors along the picture's
// frame (and with those farther away, to a fifth), which gives every pixel a likelihood;
// it falls with the distance from the marks, to 1/e at 35 % of the diagonal. A random
// walker (Grady 2006, with priors: Grady 2005) evens it out: neighbors of the same
// color get the same probability, an edge separates. It is run twice, the second
// time with the colors of the first result. The object is where the probability is above
// one half, as far as it hangs together with a mark. A point of the background, or a line, is held at
// 0, and colors as around it are background to that degree to which the point is nearer
// than the marks. Where there are boxes everything outside them is background. Pictures
// are looked at with at most 200 pixels on the longer side.
//
// Errors: nothing is marked; a box that is empty or reaches out of the picture; a point
// outside; a scribble of another size or without a mark; background points alone, or on
// top of all marks of the object. They name the mark as a person writes it.
func Mask(pix []uint8, h, w int, m *Marks) ([]uint8, error) { return MaskAt(pix, h, w, m, h, w) }

// MaskAt is Mask with th×tw pixels, of a picture that pix is a copy of in another size.
func MaskAt(pix []uint8, h, w int, m *Marks, th, tw int) ([]uint8, error) {
	if err := m.check(h, w); err != nil {
		return nil, err
	}
	if !m.seeds() {
		mask := make([]uint8, th*tw)
		for _, b := range m.Boxes {
			for y := b.Y0 * th / h; y < b.Y1*th/h; y++ {
				for x := b.X0 * tw / w; x < b.X1*tw/w; x++ {
					mask[y*tw+x] = 1
				}
			}
		}
		return mask, nil
	}
	scale := min(1, workSide/float64(max(h, w)))
	sh, sw := max(1, int(math.Round(float64(h)*scale))), max(1, int(math.Round(float64(w)*scale)))
	seed, err := m.seed(h, w, sh, sw)
	if err != nil {
		return nil, err
	}
	g := newGrower(sh, sw, shrink(pix, h, w, sh, sw), seed, len(m.Boxes) > 0)
	return enlarge(g.object(), sh, sw, th, tw), nil
}

func (m *Marks) check(h, w int) error {
	for _, b := range m.Boxes {
		switch {
		case b.X0 >= b.X1 || b.Y0 >= b.Y1:
			return fmt.Errorf("box %d,%d,%d,%d is empty; give left, top, right, bottom in pixels, left < right and top < bottom", b.X0, b.Y0, b.X1, b.Y1)
		case b.X0 < 0 || b.Y0 < 0 || b.X1 > w || b.Y1 > h:
			return fmt.Errorf("box %d,%d,%d,%d reaches out of the picture of %d×%d pixels (width×height)", b.X0, b.Y0, b.X1, b.Y1, w, h)
		}
	}
	for _, list := range [][]Point{m.Points, m.Not} {
		for _, p := range list {
			if p.X < 0 || p.Y < 0 || p.X >= w || p.Y >= h {
				return fmt.Errorf("point %d,%d is outside the picture of %d×%d pixels: columns are 0 to %d, rows 0 to %d", p.X, p.Y, w, h, w-1, h-1)
			}
		}
	}
	if m.Scribble != nil {
		if len(m.Scribble) != h*w {
			return fmt.Errorf("the scribble has %d pixels, the picture %d×%d", len(m.Scribble), w, h)
		}
		marked := false
		for _, v := range m.Scribble {
			marked = marked || v != 0
		}
		if !marked {
			return errors.New("the scribble marks nothing: it is black everywhere; draw on the object in any other color")
		}
	}
	if m.NotLines != nil && len(m.NotLines) != h*w {
		return fmt.Errorf("the scribble on the background has %d pixels, the picture %d×%d", len(m.NotLines), w, h)
	}
	not := len(m.Not) > 0 || m.NotLines != nil
	switch {
	case m.seeds() || len(m.Boxes) > 0 && !not:
		return nil
	case not:
		return errors.New("only the background is marked; mark a point of the object too")
	}
	return errors.New("nothing is marked; give a box, a point or a scribble")
}

// seed draws the marks on a picture of sh×sw: object, background, outside or 0, not said.
// A point is a disc.
func (m *Marks) seed(h, w, sh, sw int) ([]int8, error) {
	seed := make([]int8, sh*sw)
	radius := seedShare * math.Hypot(float64(sh), float64(sw))
	disc := func(p Point, value int8) {
		cx, cy := (float64(p.X)+0.5)*float64(sw)/float64(w)-0.5, (float64(p.Y)+0.5)*float64(sh)/float64(h)-0.5
		for y := max(0, int(cy-radius)); y < min(sh, int(cy+radius)+2); y++ {
			for x := max(0, int(cx-radius)); x < min(sw, int(cx+radius)+2); x++ {
				if math.Hypot(float64(x)-cx, float64(y)-cy) <= radius {
					seed[y*sw+x] = value
				}
			}
		}
		seed[p.Y*sh/h*sw+p.X*sw/w] = value
	}
	lines := func(pixels []uint8, value int8) {
		for i, v := range pixels {
			if v != 0 {
				seed[i/w*sh/h*sw+i%w*sw/w] = value
			}
		}
	}
	lines(m.NotLines, background)
	lines(m.Scribble, object)
	for _, p := range m.Points {
		disc(p, object)
	}
	for _, p := range m.Not {
		disc(p, background)
	}
	if len(m.Boxes) > 0 {
		m.exclude(seed, h, w, sh, sw)
	}
	for _, s := range seed {
		if s == object {
			return seed, nil
		}
	}
	return nil, errors.New("no point of the object is left: the points of the background cover them, or they lie outside the box")
}

// exclude marks what is outside all boxes.
func (m *Marks) exclude(seed []int8, h, w, sh, sw int) {
	for i := range seed {
		inside := false
		for _, b := range m.Boxes {
			// A cell of the small picture is inside when its middle is.
			x, y := (2*(i%sw)+1)*w/(2*sw), (2*(i/sw)+1)*h/(2*sh)
			inside = inside || x >= b.X0 && x < b.X1 && y >= b.Y0 && y < b.Y1
		}
		if !inside {
			seed[i] = outside
		}
	}
}
