package strokes

import (
	"errors"
	"math"
)

// canvas is a mask [h,w] that lines are drawn on.
type canvas struct {
	pix    []uint8
	h, w   int
	budget int // pixels that may still be painted
}

var errTooMuch = errors.New("too much is painted over and over; draw fewer and wider strokes, or save the mask as rle")

// line paints all pixels whose middles are at most half the width from a line of points, as
// seen in the picture, of which the canvas is sx, sy times as large.
func (c *canvas) line(points [][2]float64, width, sx, sy float64, value uint8) error {
	r := max(width/2*math.Sqrt(sx*sy), 0.5)
	for i, p := range points {
		q := points[max(0, i-1)]
		if i == 0 && len(points) > 1 {
			continue
		}
		if err := c.capsule(q[0]*sx, q[1]*sy, p[0]*sx, p[1]*sy, r, value); err != nil {
			return err
		}
	}
	return nil
}

// capsule paints the pixels around the line from a to b. A row's part of it is convex: it
// lies between the outermost places of both discs and of the band between them.
func (c *canvas) capsule(ax, ay, bx, by, r float64, value uint8) error {
	top, bottom := max(0, int(math.Floor(min(ay, by)-r))), min(c.h-1, int(math.Ceil(max(ay, by)+r)))
	dx, dy := bx-ax, by-ay
	length := math.Hypot(dx, dy)
	for y := top; y <= bottom; y++ {
		at := float64(y) + 0.5
		lo, hi := math.Inf(1), math.Inf(-1)
		disc := func(cx, cy float64) {
			if d := r*r - (at-cy)*(at-cy); d >= 0 {
				half := math.Sqrt(d)
				lo, hi = min(lo, cx-half), max(hi, cx+half)
			}
		}
		disc(ax, ay)
		disc(bx, by)
		if length > 0 {
			// The band's corners are a ± r·n and b ± r·n; its sides are cut by the row.
			nx, ny := -dy/length*r, dx/length*r
			corners := [4][2]float64{{ax + nx, ay + ny}, {bx + nx, by + ny}, {bx - nx, by - ny}, {ax - nx, ay - ny}}
			for k, p := range corners {
				q := corners[(k+1)%4]
				if (p[1] <= at) != (q[1] <= at) {
					x := p[0] + (at-p[1])/(q[1]-p[1])*(q[0]-p[0])
					lo, hi = min(lo, x), max(hi, x)
				}
			}
		}
		if lo > hi {
			continue
		}
		from, to := max(0, int(math.Ceil(lo-0.5))), min(c.w-1, int(math.Floor(hi-0.5)))
		if c.budget -= max(0, to-from) + 1; c.budget < 0 {
			return errTooMuch
		}
		for x := from; x <= to; x++ {
			c.pix[y*c.w+x] = value
		}
	}
	return nil
}
