package coco

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"hdmnet/internal/infile"
	"hdmnet/internal/tally"
)

// Reasons for which an instance is not drawn.
const (
	whyNoSegmentation = "annotations without polygon or RLE (a box alone)"
	whyUnreadable     = "annotations whose segmentation cannot be read"
	whyNoPixel        = "annotations that leave no pixel (a line, a point, or outside of the picture)"
	whyOdd            = "polygons with an odd number of coordinates, drawn without the last as pycocotools does"
)

// Mask draws images (places in Images; several are one picture with several records) of
// h×w pixels: values row by row, 0 background, 255 crowds that are ignored, else the place
// of the category from 1. t counts what was drawn, and what could not be and why.
//
// Errors: the file has changed, or cannot be read again.
func (s *Set) Mask(mode Mode, h, w int, images ...int) (pix []uint8, t *tally.Tally, err error) {
	c := newCanvas(h, w)
	t = &tally.Tally{}
	for _, i := range images {
		for _, a := range s.annotations[s.begin[i]:s.begin[i+1]] {
			text, err := a.text(s.source)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", infile.Shown(s.Name), err)
			}
			s.draw(c, a, text, s.Images[i].File, mode, t)
		}
	}
	return c.pix, t, nil
}

// draw draws one instance, or counts why not.
func (s *Set) draw(c *canvas, a annotation, text []byte, file string, mode Mode, t *tally.Tally) {
	var v struct {
		ID           json.RawMessage `json:"id"`
		Segmentation json.RawMessage `json:"segmentation"`
	}
	// The text is an object: it was read before.
	if err := json.Unmarshal(text, &v); err != nil {
		t.Leave(whyUnreadable, infile.Shown(file))
		return
	}
	id, ok := parseID(v.ID)
	what := fmt.Sprintf("annotation %s of %s", infile.Shown(string(id)), infile.Shown(file))
	if !ok {
		what = "an annotation of " + infile.Shown(file)
	}
	c.painted = false
	drawn, err := c.segmentation(v.Segmentation, a.value, mode, func(why string) { t.Remark(why, what) })
	switch {
	case err != nil:
		t.Leave(whyUnreadable, what+": "+err.Error())
	case !drawn:
		t.Leave(whyNoSegmentation, what)
	case !c.painted:
		t.Leave(whyNoPixel, what)
	default:
		t.Used++
	}
}

// segmentation draws polygons and RLEs; drawn is false where there are none. Nothing is
// drawn where there is an error.
func (c *canvas) segmentation(raw json.RawMessage, value uint8, mode Mode, remark func(why string)) (drawn bool, err error) {
	switch firstByte(raw) {
	case 0, 'n':
		return false, nil
	case '{':
		runs, err := c.parseRLE(raw)
		if err != nil {
			return false, err
		}
		c.runs(runs, value)
		return true, nil
	case '[':
		polygons, rles, err := c.parseParts(raw)
		if err != nil {
			return false, err
		}
		for i, xy := range polygons {
			if len(xy)%2 != 0 {
				polygons[i] = xy[:len(xy)-1]
				remark(whyOdd)
			}
		}
		c.instance(polygons, value, mode)
		for _, runs := range rles {
			c.runs(runs, value)
		}
		return len(polygons)+len(rles) > 0, nil
	}
	return false, fmt.Errorf("expected a list of polygons or an RLE object, not %.20s", raw)
}

// instance draws an instance's polygons in a mode.
func (c *canvas) instance(polygons [][]float64, value uint8, mode Mode) {
	if mode == AllPolygons {
		for _, xy := range polygons {
			c.polygon(xy, value)
		}
		return
	}
	if len(polygons) == 0 {
		return
	}
	points := make([]int, len(polygons[0]))
	for i, v := range polygons[0] {
		points[i] = int(v)
	}
	c.fillPoly(points, value)
}

// parseParts reads a list of polygons x0,y0,x1,y1,… and RLE objects; polygons may be lists of
// points, too, and a single one may stand there without a list around it.
func (c *canvas) parseParts(raw json.RawMessage) (polygons [][]float64, rles [][]int64, err error) {
	if n := bytes.Count(raw, []byte("[")) - 1; n > maxParts {
		return nil, nil, fmt.Errorf("%d polygons, expected at most %d", n, maxParts)
	}
	if !bytes.Contains(raw, []byte("null")) && json.Unmarshal(raw, &polygons) == nil { // null would be 0
		for i, xy := range polygons {
			if err := checkRange(xy); err != nil {
				return nil, nil, fmt.Errorf("polygon %d: %w", i, err)
			}
		}
		return polygons, nil, nil
	}
	polygons = nil
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, nil, errors.New("expected polygons [[x0,y0,x1,y1,…],…]")
	}
	if len(parts) > 0 && firstByte(parts[0]) != '[' && firstByte(parts[0]) != '{' {
		parts = []json.RawMessage{raw} // one polygon
	}
	for i, part := range parts {
		if firstByte(part) == '{' {
			runs, err := c.parseRLE(part)
			if err != nil {
				return nil, nil, err
			}
			rles = append(rles, runs)
			continue
		}
		xy, err := parseNumbers(part)
		if err != nil {
			return nil, nil, fmt.Errorf("polygon %d: %w", i, err)
		}
		if err := checkRange(xy); err != nil {
			return nil, nil, fmt.Errorf("polygon %d: %w", i, err)
		}
		polygons = append(polygons, xy)
	}
	return polygons, rles, nil
}

// parseNumbers reads a list of numbers, some of which may be text, or of points [x,y].
func parseNumbers(raw json.RawMessage) ([]float64, error) {
	var values []json.RawMessage
	if err := json.Unmarshal(raw, &values); err != nil {
		return nil, errors.New("expected a list of numbers")
	}
	var numbers []float64
	for i, v := range values {
		if firstByte(v) == '[' {
			point, err := parseNumbers(v)
			if err != nil || len(point) != 2 {
				return nil, fmt.Errorf("place %d: expected a number or a point [x,y]", i)
			}
			numbers = append(numbers, point...)
			continue
		}
		n, ok := parseNumber(v)
		if !ok {
			return nil, fmt.Errorf("place %d: %s, expected a number", i, notNumber(v))
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// notNumber shows what stands in place of a number.
func notNumber(v json.RawMessage) string {
	if bytes.HasPrefix(v, []byte(`""`)) {
		return "NaN, infinity or empty text"
	}
	return infile.Shown(string(v[:min(len(v), 20)]))
}

// parseRLE reads an RLE object: size [h,w], counts a list or a string.
func (c *canvas) parseRLE(raw json.RawMessage) ([]int64, error) {
	var v struct {
		Size   json.RawMessage `json:"size"`
		Counts json.RawMessage `json:"counts"`
	}
	if json.Unmarshal(raw, &v) != nil {
		return nil, errors.New("expected RLE {size: [h,w], counts: …}")
	}
	size, err := parseNumbers(v.Size)
	if err != nil || len(size) != 2 || size[0] != float64(c.h) || size[1] != float64(c.w) {
		return nil, fmt.Errorf("RLE of size %v, the image's is [%d %d] (height, width)", size, c.h, c.w)
	}
	var counts []int64
	switch firstByte(v.Counts) {
	case '"':
		var text string
		_ = json.Unmarshal(v.Counts, &text) // it is a string
		if counts, err = decompress(text); err != nil {
			return nil, err
		}
	case '[':
		numbers, err := parseNumbers(v.Counts)
		if err != nil {
			return nil, fmt.Errorf("RLE counts: %w", err)
		}
		for _, n := range numbers {
			if n != math.Trunc(n) || math.Abs(n) > 1<<52 {
				return nil, fmt.Errorf("RLE: a count of %g", n)
			}
			counts = append(counts, int64(n))
		}
	default:
		return nil, errors.New("an RLE without counts, expected a list or a string")
	}
	return counts, c.checkRuns(counts)
}
