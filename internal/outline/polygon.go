package outline

import (
	"cmp"
	"math"
)

// Point is a corner of pixels: column and row, 0,0 being the top left corner of the map.
type Point struct{ X, Y float64 }

// rings are the borders of an object along the sides of its pixels: the outer one first,
// clockwise as one sees it, then its holes, the other way round. The first point does not
// come again at the end.
func (o *Object) rings() [][]Point {
	h, w := o.Y1-o.Y0, o.X1-o.X0
	seen := make([]bool, h*w) // upper sides
	var rings [][]Point
	for y := o.Y0; y < o.Y1; y++ {
		for x := o.X0; x < o.X1; x++ {
			if o.has(x, y) && !o.has(x, y-1) && !seen[(y-o.Y0)*w+x-o.X0] {
				rings = append(rings, o.ring(x, y, seen, w))
			}
		}
	}
	return rings
}

// ring follows the border from the upper side of a pixel on, the object to the right. Where
// two pixels touch at a corner alone it goes from one to the other.
func (o *Object) ring(x0, y0 int, seen []bool, w int) []Point {
	const right, down, left = 0, 1, 2
	var ring []Point
	x, y, to := x0, y0, right
	for {
		if to == right {
			seen[(y-o.Y0)*w+x-o.X0] = true
		}
		switch to {
		case right:
			x++
		case down:
			y++
		case left:
			x--
		default:
			y--
		}
		var onLeft, onRight bool // the pixels ahead
		switch to {
		case right:
			onLeft, onRight = o.has(x, y-1), o.has(x, y)
		case down:
			onLeft, onRight = o.has(x, y), o.has(x-1, y)
		case left:
			onLeft, onRight = o.has(x-1, y), o.has(x-1, y-1)
		default:
			onLeft, onRight = o.has(x-1, y-1), o.has(x, y-1)
		}
		turn := 0
		if onLeft {
			turn = 3
		} else if !onRight {
			turn = 1
		}
		to = (to + turn) % 4
		if x == x0 && y == y0 && to == right {
			if turn != 0 {
				ring = append([]Point{{float64(x), float64(y)}}, ring...)
			}
			return ring
		}
		if turn != 0 {
			ring = append(ring, Point{float64(x), float64(y)})
		}
	}
}

// Polygon is one ring around the object without its holes: each hole is reached by a cut
// from the ring, there and back. tolerance is how far the outline may be from the pixels'
// sides, in pixels; 0 keeps them. It runs inset pixels inside of them: with a little of that, places
// that are cut to whole numbers are those of the object's outermost pixels, which programs that draw
// a polygon with its border need, while those that count the area see no difference.
func (o *Object) Polygon(tolerance, inset float64) []Point {
	rings := o.rings()
	for i := range rings {
		if inset > 0 {
			rings[i] = o.inside(rings[i], inset)
		}
		rings[i] = simplify(rings[i], tolerance)
	}
	whole := rings[0]
	for _, hole := range rings[1:] {
		whole = join(whole, hole)
	}
	return whole
}

// inside moves a ring into the object. Where two pixels touch at a corner alone it goes from one
// to the other in a line.
func (o *Object) inside(ring []Point, by float64) []Point {
	to := func(a, b Point) (dx, dy float64) { // one step
		return float64(cmp.Compare(b.X, a.X)), float64(cmp.Compare(b.Y, a.Y))
	}
	var out []Point
	for i, p := range ring {
		dx, dy := to(ring[(i+len(ring)-1)%len(ring)], p)
		ex, ey := to(p, ring[(i+1)%len(ring)])
		// The object is to the right: of the step dx,dy that is −dy,dx.
		left := dx*ey-dy*ex < 0
		ahead := o.has(int(math.Floor(p.X+(dx-dy)/2)), int(math.Floor(p.Y+(dy+dx)/2)))
		if left && !ahead {
			out = append(out, Point{p.X + by*(-dy-dx), p.Y + by*(dx-dy)}, Point{p.X + by*(ex-ey), p.Y + by*(ey+ex)})
			continue
		}
		out = append(out, Point{p.X + by*(-dy-ey), p.Y + by*(dx+ex)})
	}
	return out
}

// join cuts a hole out of a ring, from the nearest two points.
func join(ring, hole []Point) []Point {
	at, from, best := 0, 0, math.Inf(1)
	for i, p := range ring {
		for j, q := range hole {
			if d := (p.X-q.X)*(p.X-q.X) + (p.Y-q.Y)*(p.Y-q.Y); d < best {
				at, from, best = i, j, d
			}
		}
	}
	out := append(make([]Point, 0, len(ring)+len(hole)+2), ring[:at+1]...)
	out = append(out, hole[from:]...)
	out = append(out, hole[:from+1]...)
	return append(out, ring[at:]...)
}

// simplify leaves out corners of a ring whose distance from the line between those that
// stay is at most tolerance (Douglas and Peucker, 1973). At least three stay.
func simplify(ring []Point, tolerance float64) []Point {
	if tolerance <= 0 || len(ring) <= 4 {
		return ring
	}
	far := 0 // the corner farthest from the first: both stay
	for i, p := range ring {
		if distance(p, ring[0], ring[0]) > distance(ring[far], ring[0], ring[0]) {
			far = i
		}
	}
	closed := append(append([]Point{}, ring...), ring[0])
	stays := make([]bool, len(closed))
	stays[0], stays[far], stays[len(ring)] = true, true, true
	type span struct{ from, to int }
	for open := []span{{0, far}, {far, len(ring)}}; len(open) > 0; {
		s := open[len(open)-1]
		open = open[:len(open)-1]
		worst, most := 0, tolerance
		for i := s.from + 1; i < s.to; i++ {
			if d := distance(closed[i], closed[s.from], closed[s.to]); d > most {
				worst, most = i, d
			}
		}
		if worst > 0 {
			stays[worst] = true
			open = append(open, span{s.from, worst}, span{worst, s.to})
		}
	}
	var out []Point
	for i, p := range ring {
		if stays[i] {
			out = append(out, p)
		}
	}
	if len(out) < 3 {
		return ring
	}
	return out
}

// distance of p from the segment a–b.
func distance(p, a, b Point) float64 {
	dx, dy := b.X-a.X, b.Y-a.Y
	t := 0.0
	if n := dx*dx + dy*dy; n > 0 {
		t = min(max(((p.X-a.X)*dx+(p.Y-a.Y)*dy)/n, 0), 1)
	}
	return math.Hypot(p.X-a.X-t*dx, p.Y-a.Y-t*dy)
}
