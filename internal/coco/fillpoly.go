package coco

import (
	"cmp"
	"slices"
)

// OpenCV computes with 16 binary places.
const (
	fixedShift = 16
	fixedOne   = 1 << fixedShift
)

// edge is an edge of the polygon that is not level: it counts in rows y0 ≤ y < y1 and
// lies at x + (y-y0)·dx there (fixed point).
type edge struct {
	y0, y1 int
	x, dx  int64
}

// fillPoly draws a polygon of whole points x0,y0,x1,y1,… as OpenCV's
// fillPoly(img, [pts], color) does with its default line type: the outline as 8-connected
// lines, then the inside (even-odd). OpenCV takes the slope of an edge that leaves the
// image from the part inside, rounded to whole pixels; so does this.
//
// It is OpenCV 4.11 to 5.0, pixel for pixel. Versions up to 4.6 draw polygons inside the
// image alike, but keep the slope of edges that leave it, which moves a few pixels along
// those edges; those from 4.8 to 4.10 differ inside, too.
func (c *canvas) fillPoly(xy []int, value uint8) {
	n := len(xy) / 2
	if n == 0 {
		return
	}
	c.edges = c.edges[:0]
	x0, y0 := xy[2*n-2], xy[2*n-1]
	for i := range n {
		x1, y1 := xy[2*i], xy[2*i+1]
		c.line(x0, y0, x1, y1, value)
		if y0 != y1 {
			c.edges = append(c.edges, c.newEdge(x0, y0, x1, y1))
		}
		x0, y0 = x1, y1
	}
	c.fillEdges(value)
}

func (c *canvas) newEdge(x0, y0, x1, y1 int) edge {
	cx0, cy0, cx1, cy1 := x0, y0, x1, y1
	if !c.inside(x0, y0) || !c.inside(x1, y1) {
		cx0, cy0, cx1, cy1, _ = c.clip(x0, y0, x1, y1)
		if cy0 == cy1 {
			cy0, cy1 = y0, y1
		}
	}
	dx := int64(cx1-cx0) * fixedOne / int64(cy1-cy0)
	if y0 < y1 {
		return edge{y0: y0, y1: y1, x: int64(cx0)*fixedOne + int64(y0-cy0)*dx, dx: dx}
	}
	return edge{y0: y1, y1: y0, x: int64(cx1)*fixedOne + int64(y1-cy1)*dx, dx: dx}
}

// fillEdges fills between the 1st and 2nd edge of each row, 3rd and 4th, …: pixels whose
// place is not outside of the two.
func (c *canvas) fillEdges(value uint8) {
	slices.SortFunc(c.edges, func(a, b edge) int { return cmp.Compare(a.y0, b.y0) })
	c.active = c.active[:0]
	next := 0
	for y := 0; y < c.h; y++ {
		c.active = slices.DeleteFunc(c.active, func(e edge) bool { return e.y1 <= y })
		for ; next < len(c.edges) && c.edges[next].y0 <= y; next++ {
			e := c.edges[next]
			if e.y1 > y {
				e.x += int64(y-e.y0) * e.dx // begins above the image
				c.active = append(c.active, e)
			}
		}
		if len(c.active) == 0 {
			if next == len(c.edges) {
				return
			}
			y = max(y, min(c.edges[next].y0, c.h)-1)
			continue
		}
		slices.SortFunc(c.active, func(a, b edge) int { return cmp.Compare(a.x, b.x) })
		for i := 0; i+1 < len(c.active); i += 2 { // a closed outline: the number is even
			c.row(y, (c.active[i].x+fixedOne-1)>>fixedShift, c.active[i+1].x>>fixedShift, value)
		}
		for i := range c.active {
			c.active[i].x += c.active[i].dx
		}
	}
}

// line draws the 8-connected line of Bresenham that OpenCV's LineIterator walks, from
// left to right.
func (c *canvas) line(x0, y0, x1, y1 int, value uint8) {
	if !c.inside(x0, y0) || !c.inside(x1, y1) {
		var hit bool
		if x0, y0, x1, y1, hit = c.clip(x0, y0, x1, y1); !hit {
			return
		}
	}
	if x0 > x1 {
		x0, y0, x1, y1 = x1, y1, x0, y0
	}
	long, short := x1-x0, abs(y1-y0)
	always, sometimes := 1, c.w // steps through pix
	if y1 < y0 {
		sometimes = -c.w
	}
	if short > long {
		long, short = short, long
		always, sometimes = sometimes, always
	}
	p := y0*c.w + x0
	err := long - 2*short
	c.painted = true
	for range long + 1 {
		c.pix[p] = value
		step := always
		if err < 0 {
			err += 2 * long
			step += sometimes
		}
		err -= 2 * short
		p += step
	}
}

func (c *canvas) inside(x, y int) bool { return uint(x) < uint(c.w) && uint(y) < uint(c.h) }

// clip cuts a line to the image as OpenCV's clipLine does, in the same order and with the
// same rounding; hit says whether anything of it is inside. A line that misses the image
// may come back cut at some of its ends.
func (c *canvas) clip(x0, y0, x1, y1 int) (cx0, cy0, cx1, cy1 int, hit bool) {
	right, bottom := c.w-1, c.h-1
	o0, o1 := outside(x0, y0, right, bottom), outside(x1, y1, right, bottom)
	if o0&o1 != 0 || o0|o1 == 0 {
		return x0, y0, x1, y1, o0|o1 == 0
	}
	part := func(to, from, across, along int) int {
		return int(float64(to-from) * float64(across) / float64(along))
	}
	if o0&(above|below) != 0 {
		to := 0
		if o0&below != 0 {
			to = bottom
		}
		x0 += part(to, y0, x1-x0, y1-y0)
		y0 = to
		o0 = outside(x0, y0, right, bottom)
	}
	if o1&(above|below) != 0 {
		to := 0
		if o1&below != 0 {
			to = bottom
		}
		x1 += part(to, y1, x1-x0, y1-y0)
		y1 = to
		o1 = outside(x1, y1, right, bottom)
	}
	if o0&o1 == 0 && o0|o1 != 0 {
		if o0 != 0 {
			to := 0
			if o0&toRight != 0 {
				to = right
			}
			y0 += part(to, x0, y1-y0, x1-x0)
			x0 = to
			o0 = 0
		}
		if o1 != 0 {
			to := 0
			if o1&toRight != 0 {
				to = right
			}
			y1 += part(to, x1, y1-y0, x1-x0)
			x1 = to
			o1 = 0
		}
	}
	return x0, y0, x1, y1, o0|o1 == 0
}

// Sides of the image on which a point lies.
const (
	toLeft = 1 << iota
	toRight
	above
	below
)

func outside(x, y, right, bottom int) int {
	o := 0
	if x < 0 {
		o |= toLeft
	}
	if x > right {
		o |= toRight
	}
	if y < 0 {
		o |= above
	}
	if y > bottom {
		o |= below
	}
	return o
}
