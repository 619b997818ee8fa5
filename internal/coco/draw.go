package coco

import (
	"fmt"
	"math"
)

// DrawPolygon draws the inside (even-odd) of the closed polygon x0,y0,x1,y1,… onto a mask
// [h,w] row by row, exactly as AllPolygons does; what lies outside the mask is cut off.
// painted tells whether it has a pixel there. Errors: an odd number of coordinates, one that is not a finite number within ±1,000,000.
func DrawPolygon(pix []uint8, h, w int, xy []float64, value uint8) (painted bool, err error) {
	if err := checkPolygon(xy); err != nil {
		return false, err
	}
	c := &canvas{pix: pix, h: h, w: w}
	c.polygon(xy, value)
	return c.painted, nil
}

func checkPolygon(xy []float64) error {
	if len(xy)%2 != 0 {
		return fmt.Errorf("an odd number of coordinates, %d", len(xy))
	}
	return checkRange(xy)
}

func checkRange(xy []float64) error {
	for _, v := range xy {
		if !(math.Abs(v) <= maxCoordinate) {
			return fmt.Errorf("coordinate %g, expected within ±%d", v, maxCoordinate)
		}
	}
	return nil
}
