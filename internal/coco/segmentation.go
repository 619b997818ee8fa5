package coco

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Mask draws image i (its place in Images): [H,W] values row by row, 0 background, else
// the place of the category from 1. without is the number of instances that have no
// segmentation (null, missing or an empty list); nothing is drawn for them.
//
// Errors name file and annotation: a polygon with an odd number of coordinates or one that
// is not a finite number within ±1,000,000, an RLE of another size than the image or whose
// counts do not add up to it.
func (s *Set) Mask(i int, mode Mode) (pix []uint8, without int, err error) {
	c := newCanvas(s.Images[i].H, s.Images[i].W)
	for _, a := range s.annotations[s.begin[i]:s.begin[i+1]] {
		drawn, err := s.draw(c, a, mode)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: annotation %d of image %d (%s): %w", s.Name, a.id, s.Images[i].ID, s.Images[i].File, err)
		}
		if !drawn {
			without++
		}
	}
	return c.pix, without, nil
}

// draw draws one instance; drawn is false when it has no segmentation.
func (s *Set) draw(c *canvas, a annotation, mode Mode) (drawn bool, err error) {
	text, err := a.text(s.source)
	if err != nil {
		return false, err
	}
	var v struct {
		ID           int64           `json:"id"`
		Segmentation json.RawMessage `json:"segmentation"`
	}
	if err := json.Unmarshal(text, &v); err != nil || v.ID != a.id {
		return false, fmt.Errorf("another one (%d) is in its place: the file has changed since it was opened", v.ID)
	}
	switch kind := firstByte(v.Segmentation); kind {
	case 0, 'n':
		return false, nil
	case '[':
		polygons, err := parsePolygons(v.Segmentation)
		if err != nil {
			return false, err
		}
		c.instance(polygons, a.value, mode)
		return len(polygons) > 0, nil
	case '{':
		return true, c.rle(v.Segmentation, a.value)
	}
	return false, fmt.Errorf("segmentation: expected a list of polygons or an RLE object, not %.20s", v.Segmentation)
}

func firstByte(text []byte) byte {
	if len(text) == 0 {
		return 0
	}
	return text[0]
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

// parsePolygons reads and checks a list of lists x0,y0,x1,y1,….
func parsePolygons(text []byte) ([][]float64, error) {
	if n := bytes.Count(text, []byte("[")) - 1; n > maxParts {
		return nil, fmt.Errorf("segmentation: %d polygons, expected at most %d", n, maxParts)
	}
	if bytes.Contains(text, []byte("null")) { // which the decoder would take for 0
		return nil, errors.New("segmentation: null, expected lists of numbers")
	}
	var polygons [][]float64
	if err := json.Unmarshal(text, &polygons); err != nil {
		return nil, fmt.Errorf("segmentation: expected polygons [[x0,y0,x1,y1,…],…]: %w", err)
	}
	for i, xy := range polygons {
		if err := checkPolygon(xy); err != nil {
			return nil, fmt.Errorf("segmentation: polygon %d: %w", i, err)
		}
	}
	return polygons, nil
}

// rle draws an RLE object: size [h,w], counts a list or a string.
func (c *canvas) rle(text []byte, value uint8) error {
	var v struct {
		Size   []int64         `json:"size"`
		Counts json.RawMessage `json:"counts"`
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return fmt.Errorf("segmentation: expected RLE {size: [h,w], counts: …}: %w", err)
	}
	if len(v.Size) != 2 || v.Size[0] != int64(c.h) || v.Size[1] != int64(c.w) {
		return fmt.Errorf("segmentation: RLE of size %v, the image's is [%d %d] (height, width)", v.Size, c.h, c.w)
	}
	switch firstByte(v.Counts) {
	case '"':
		var compressed string
		if err := json.Unmarshal(v.Counts, &compressed); err != nil {
			return fmt.Errorf("segmentation: counts: %w", err)
		}
		return c.compressed(compressed, value)
	case '[':
		if bytes.Contains(v.Counts, []byte("null")) {
			return errors.New("segmentation: null among the RLE counts")
		}
		var counts []int64
		if err := json.Unmarshal(v.Counts, &counts); err != nil {
			return fmt.Errorf("segmentation: counts: %w", err)
		}
		return c.counts(counts, value)
	}
	return errors.New("segmentation: an RLE without counts, expected a list or a string")
}
