package coco

import (
	"math"
	"slices"
)

// fine is how many steps of the polygon's grid make one pixel.
const fine = 5

// polygon draws the inside of a closed polygon x0,y0,x1,y1,… (even-odd): the pixels that
// pycocotools' rleFrPoly takes. There the outline is walked on a grid five times finer
// than the pixels. Wherever a step goes from the grid column 5x+2 to 5x+3 or back, which
// is over the middle of pixel column x, the outline crosses that column, at the first row
// whose middle is not above the step's upper end. Between the 1st and 2nd crossing of a
// column, 3rd and 4th, …, it is filled.
//
// Only the steps that cross are computed here, so an edge costs as much as it has columns
// inside the image, however long it is. Products are rounded before they are added
// (float64 conversions), as the wheels of pycocotools do it: a fused multiply-add could
// end in another pixel.
func (c *canvas) polygon(xy []float64, value uint8) {
	n := len(xy) / 2
	if n == 0 {
		return
	}
	c.crossings = c.crossings[:0]
	x0, y0 := onGrid(xy[0]), onGrid(xy[1])
	fx, fy := x0, y0
	for i := 1; i < n; i++ {
		x1, y1 := onGrid(xy[2*i]), onGrid(xy[2*i+1])
		c.cross(x0, y0, x1, y1)
		x0, y0 = x1, y1
	}
	c.cross(x0, y0, fx, fy)
	slices.Sort(c.crossings)
	for i := 0; i+1 < len(c.crossings); i += 2 { // an outline is closed: the number is even
		c.column(c.crossings[i], c.crossings[i+1], value)
	}
}

// onGrid rounds half up, but toward zero below zero, as the cast of C does.
func onGrid(v float64) int { return int(float64(fine*v) + 0.5) }

// cross adds the crossings of one edge of the outline, as places column·h + row.
func (c *canvas) cross(xs, ys, xe, ye int) {
	dx, dy := abs(xe-xs), abs(ye-ys)
	steep := dx < dy
	if (!steep && xs > xe) || (steep && ys > ye) { // it is always walked the same way
		xs, ys, xe, ye = xe, ye, xs, ys
	}
	if !steep {
		slope := float64(ye-ys) / float64(dx)
		at := func(t int) int { return int(float64(ys) + float64(slope*float64(t)) + 0.5) }
		first, last := c.columns(xs, xe)
		for x := first; x <= last; x++ {
			t := fine*x + 2 - xs
			c.crossing(x, min(at(t), at(t+1)))
		}
		return
	}
	slope := float64(xe-xs) / float64(dy)
	at := func(t int) int { return int(float64(xs) + float64(slope*float64(t)) + 0.5) }
	a, b := at(0), at(dy)
	first, last := c.columns(min(a, b), max(a, b))
	for x := first; x <= last; x++ {
		beyond := func(t int) bool { return at(t) >= fine*x+3 }
		if slope < 0 {
			beyond = func(t int) bool { return at(t) <= fine*x+2 }
		}
		// The step that crosses ends at the first t beyond. The division finds it but for
		// rounding.
		t := int(math.Ceil((float64(fine*x) + 2.5 - float64(xs)) / slope))
		t = min(max(t, 1), dy)
		for t > 1 && beyond(t-1) {
			t--
		}
		for t < dy && !beyond(t) {
			t++
		}
		c.crossing(x, ys+t-1)
	}
}

// columns are the pixel columns, inside the image, whose middle lies between two columns
// of the grid.
func (c *canvas) columns(lo, hi int) (first, last int) {
	return max(ceilDiv(lo-2, fine), 0), min(floorDiv(hi-3, fine), c.w-1)
}

func (c *canvas) crossing(x, y int) {
	y = min(max(ceilDiv(y-2, fine), 0), c.h)
	c.crossings = append(c.crossings, x*c.h+y)
}

func abs(v int) int { return max(v, -v) }

func floorDiv(a, b int) int {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func ceilDiv(a, b int) int { return -floorDiv(-a, b) }
