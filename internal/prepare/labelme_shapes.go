package prepare

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"hdmnet/internal/coco"
	"hdmnet/internal/data"
)

// labelMe is an annotation of one picture.
type labelMe struct {
	path   string // of the annotation
	stem   string // its name below the folder, without extension
	image  string // path of the picture
	h, w   int
	shapes []shape
	// skipped counts shapes without an area, by type.
	skipped map[string]int
}

// shape is something drawn: a polygon, or a circle of radius > 0 around xy.
type shape struct {
	label  string
	xy     []float64
	radius float64
}

// parseLabelMe reads an annotation, without its picture; imagePath is where that should be.
func parseLabelMe(content []byte) (a *labelMe, imagePath string, err error) {
	var v struct {
		Shapes []struct {
			Label  string       `json:"label"`
			Points [][]*float64 `json:"points"`
			Type   *string      `json:"shape_type"`
		} `json:"shapes"`
		ImagePath   string `json:"imagePath"`
		ImageHeight int    `json:"imageHeight"`
		ImageWidth  int    `json:"imageWidth"`
	}
	if err := json.Unmarshal(content, &v); err != nil {
		return nil, "", fmt.Errorf("no annotation of LabelMe: %w", err)
	}
	if v.ImagePath == "" || v.Shapes == nil {
		return nil, "", errors.New("no annotation of LabelMe, which has shapes and an imagePath; move other .json files elsewhere")
	}
	if v.ImageHeight < 0 || v.ImageWidth < 0 {
		return nil, "", fmt.Errorf("a picture of %d×%d pixels (width×height)", v.ImageWidth, v.ImageHeight)
	}
	a = &labelMe{h: v.ImageHeight, w: v.ImageWidth, skipped: map[string]int{}}
	for i, s := range v.Shapes {
		kind := "polygon" // old files do not say
		if s.Type != nil {
			kind = *s.Type
		}
		switch kind {
		case "point", "points", "line", "linestrip":
			a.skipped[kind]++
			continue
		}
		made, err := makeShape(kind, s.Points)
		if err != nil {
			return nil, "", fmt.Errorf("shape %d (%.80q): %w", i+1, s.Label, err)
		}
		made.label = strings.TrimSpace(s.Label)
		if made.label == "" {
			return nil, "", fmt.Errorf("shape %d, a %s, has no label", i+1, kind)
		}
		a.shapes = append(a.shapes, made)
	}
	return a, v.ImagePath, nil
}

func makeShape(kind string, points [][]*float64) (shape, error) {
	var xy []float64
	for _, p := range points {
		if len(p) != 2 || p[0] == nil || p[1] == nil {
			return shape{}, errors.New("a point that is not two numbers, x and y")
		}
		xy = append(xy, *p[0], *p[1])
	}
	switch kind {
	case "polygon":
		if len(points) < 3 {
			return shape{}, fmt.Errorf("a polygon of %d points, expected 3 or more", len(points))
		}
		return shape{xy: xy}, nil
	case "rectangle", "circle":
		if len(points) != 2 {
			return shape{}, fmt.Errorf("a %s of %d points, expected 2", kind, len(points))
		}
	default:
		return shape{}, fmt.Errorf("a shape of the type %.40q, which is not read; draw it as a polygon, rectangle or circle", kind)
	}
	x0, y0, x1, y1 := xy[0], xy[1], xy[2], xy[3]
	if kind == "rectangle" {
		return shape{xy: []float64{x0, y0, x1, y0, x1, y1, x0, y1}}, nil
	}
	return shape{xy: xy[:2], radius: math.Hypot(x1-x0, y1-y0)}, nil
}

// specialLabel is the mask value of labels that are no class. LabelMe's own converters
// know __ignore__ and _background_.
func specialLabel(label string) (value uint8, ok bool) {
	switch strings.ToLower(strings.Trim(label, "_")) {
	case "ignore":
		return data.Ignore, true
	case "background":
		return 0, true
	}
	return 0, false
}

// draw draws the shapes; names are the classes, [0] the background.
func (a *labelMe) draw(names []string) (Mask, error) {
	values := make(map[string]uint8, len(names))
	for c, name := range names {
		values[name] = uint8(c)
	}
	m := Mask{Pix: make([]uint8, a.h*a.w), H: a.h, W: a.w}
	for i, s := range a.shapes {
		value, special := specialLabel(s.label)
		if !special {
			value = values[s.label]
		}
		if s.radius > 0 {
			m.circle(s.xy[0], s.xy[1], s.radius, value)
			continue
		}
		if err := coco.DrawPolygon(m.Pix, m.H, m.W, s.xy, value); err != nil {
			return m, fmt.Errorf("%s: shape %d of %d (%.80q): %w", a.path, i+1, len(a.shapes), s.label, err)
		}
	}
	return m, nil
}

// circle fills the pixels whose middle is not farther than r from (cx,cy).
func (m Mask) circle(cx, cy, r float64, value uint8) {
	inside := func(v float64, n int) int { return int(min(max(v, 0), float64(n))) }
	for y := inside(cy-r, m.H); y < inside(cy+r+1, m.H); y++ {
		dy := float64(y) + 0.5 - cy
		for x := inside(cx-r, m.W); x < inside(cx+r+1, m.W); x++ {
			if dx := float64(x) + 0.5 - cx; float64(dx*dx)+float64(dy*dy) <= float64(r*r) {
				m.Pix[y*m.W+x] = value
			}
		}
	}
}
