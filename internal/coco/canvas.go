package coco

// canvas is a mask that is being drawn, [h,w] row by row.
type canvas struct {
	pix  []uint8
	h, w int
	// painted is set when a pixel is drawn.
	painted bool

	crossings []int  // of polygon, used again
	edges     []edge // of fillPoly, used again
	active    []edge
}

func newCanvas(h, w int) *canvas {
	return &canvas{pix: make([]uint8, h*w), h: h, w: w}
}

// column fills places from..to-1 of the mask read column by column, as RLE counts them.
func (c *canvas) column(from, to int, value uint8) {
	for from < to {
		x, y := from/c.h, from%c.h
		n := min(c.h-y, to-from)
		c.painted = true
		from += n
		for p := y*c.w + x; n > 0; n-- {
			c.pix[p] = value
			p += c.w
		}
	}
}

// row fills columns x0..x1 of a row, both included, as far as they are inside.
func (c *canvas) row(y int, x0, x1 int64, value uint8) {
	x0, x1 = max(x0, 0), min(x1, int64(c.w)-1)
	if x0 > x1 {
		return
	}
	c.painted = true
	line := c.pix[y*c.w:][x0 : x1+1]
	for i := range line {
		line[i] = value
	}
}
