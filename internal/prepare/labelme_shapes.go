package prepare

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"hdmnet/internal/coco"
	"hdmnet/internal/infile"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/picture"
	"hdmnet/internal/tally"
	"hdmnet/internal/textfile"
)

// labelMe is an annotation of one picture.
type labelMe struct {
	path   string // of the annotation
	stem   string // its name below the folder, without extension
	image  string // path of the picture
	h, w   int
	shapes []shape
	left   tally.Tally // of shapes that are not drawn
}

// shape is something drawn: a polygon, a circle of radius > 0 around xy, or a mask whose
// upper left pixel is at xy.
type shape struct {
	label  string
	name   string // for messages
	xy     []float64
	radius float64
	mask   *Mask // of 0 and 1
}

// Reasons for which a shape is left out.
const (
	whyNoArea   = "shapes without an area (points and lines)"
	whyNoLabel  = "shapes without a label"
	whyBadShape = "shapes that cannot be drawn"
	whyNoPixel  = "shapes that leave no pixel (outside of the picture, or thinner than one)"
)

// parseLabelMe reads an annotation, without its picture; imagePath is where that should be.
func parseLabelMe(content []byte) (a *labelMe, imagePath string, err error) {
	var v struct {
		Shapes      []json.RawMessage `json:"shapes"`
		ImagePath   *string           `json:"imagePath"`
		ImageHeight json.RawMessage   `json:"imageHeight"`
		ImageWidth  json.RawMessage   `json:"imageWidth"`
	}
	if err := json.Unmarshal(textfile.JSON(content), &v); err != nil {
		return nil, "", fmt.Errorf("no annotation of LabelMe: %w", textfile.JSONError(err))
	}
	if v.Shapes == nil {
		return nil, "", errors.New("no annotation of LabelMe, which has shapes and an imagePath; move other .json files elsewhere")
	}
	a = &labelMe{}
	if a.h, a.w = imageSide(v.ImageHeight), imageSide(v.ImageWidth); a.h < 0 || a.w < 0 {
		return nil, "", fmt.Errorf("a picture of %s×%s pixels (width×height)", v.ImageWidth, v.ImageHeight)
	}
	for i, raw := range v.Shapes {
		if s, ok := parseShape(raw, fmt.Sprintf("shape %d", i+1), &a.left); ok {
			a.shapes = append(a.shapes, s)
		}
	}
	if v.ImagePath != nil {
		imagePath = *v.ImagePath
	}
	return a, imagePath, nil
}

// imageSide reads a height or width, a number or text of one: 0 where there is none, less
// where it cannot be.
func imageSide(raw json.RawMessage) int {
	text := strings.Trim(string(raw), "\" ")
	if text == "" || text == "null" {
		return 0
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0 && v < 1<<31) || v != math.Trunc(v) {
		return -1
	}
	return int(v)
}

// parseShape reads a shape, or counts why it is left out.
func parseShape(raw json.RawMessage, name string, t *tally.Tally) (s shape, ok bool) {
	var v struct {
		Label  json.RawMessage `json:"label"`
		Points json.RawMessage `json:"points"`
		Type   *string         `json:"shape_type"`
		Mask   *string         `json:"mask"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Leave(whyBadShape, fmt.Sprintf("%s: %v", name, textfile.JSONError(err)))
		return s, false
	}
	kind := "polygon" // old files do not say
	if v.Type != nil {
		kind = *v.Type
	}
	label := shapeLabel(v.Label)
	name = fmt.Sprintf("%s, a %.40s of the label %.80q", name, infile.Shown(kind), label)
	switch kind {
	case "point", "points", "line", "linestrip":
		t.Omit(whyNoArea, name)
		return s, false
	}
	if label == "" {
		t.Leave(whyNoLabel, name)
		return s, false
	}
	var points [][]*float64
	if err := json.Unmarshal(v.Points, &points); err != nil {
		t.Leave(whyBadShape, name+": points that are no lists of numbers")
		return s, false
	}
	s, err := makeShape(kind, points, v.Mask)
	if err != nil {
		t.Leave(whyBadShape, name+": "+err.Error())
		return s, false
	}
	s.label, s.name = label, name
	return s, true
}

// shapeLabel reads a label, which may be a number.
func shapeLabel(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return strings.TrimSpace(text)
	}
	var number json.Number
	if json.Unmarshal(raw, &number) == nil {
		return number.String()
	}
	return ""
}

func makeShape(kind string, points [][]*float64, mask *string) (shape, error) {
	var xy []float64
	for _, p := range points {
		if len(p) != 2 || p[0] == nil || p[1] == nil {
			return shape{}, errors.New("a point that is not two numbers, x and y")
		}
		xy = append(xy, *p[0], *p[1])
	}
	two := func() error {
		if len(points) != 2 {
			return fmt.Errorf("a %s of %d points, expected 2", kind, len(points))
		}
		return nil
	}
	switch kind {
	case "rectangle":
		if len(points) > 2 { // X-AnyLabeling writes its corners
			break
		}
		if err := two(); err != nil {
			return shape{}, err
		}
		x0, y0, x1, y1 := xy[0], xy[1], xy[2], xy[3]
		return shape{xy: []float64{x0, y0, x1, y0, x1, y1, x0, y1}}, nil
	case "circle":
		if err := two(); err != nil {
			return shape{}, err
		}
		return shape{xy: xy[:2], radius: math.Hypot(xy[2]-xy[0], xy[3]-xy[1])}, nil
	case "mask":
		if err := two(); err != nil {
			return shape{}, err
		}
		m, err := decodeShapeMask(mask)
		return shape{xy: xy[:2], mask: m}, err
	case "polygon", "rotation", "quadrilateral", "rotated_rectangle", "oriented_rectangle":
	default:
		return shape{}, fmt.Errorf("a shape of the type %.40q, which is not read; draw it as a polygon, rectangle or circle", kind)
	}
	if len(points) < 3 {
		return shape{}, fmt.Errorf("a %s of %d points, expected 3 or more", kind, len(points))
	}
	return shape{xy: xy}, nil
}

// decodeShapeMask reads the PNG inside a shape.
func decodeShapeMask(text *string) (*Mask, error) {
	if text == nil {
		return nil, errors.New("a mask without its picture")
	}
	content, err := base64.StdEncoding.DecodeString(*text)
	if err != nil {
		return nil, fmt.Errorf("its mask is no picture: %w", err)
	}
	l, err := new(picture.Reader).Labels(nil, content, "in a shape")
	if err != nil {
		return nil, err
	}
	if l.Factor() > 1 {
		return nil, fmt.Errorf("its mask has %v pixels, expected at most %d in all", l.Size, picture.WholePixels)
	}
	m := &Mask{Pix: make([]uint8, l.H*l.W), H: l.H, W: l.W}
	for i, v := range brightness(l) {
		m.Pix[i] = uint8(min(v, 1))
	}
	return m, nil
}

// specialLabel is the mask value of labels that are no class. LabelMe's own converters
// know __ignore__ and _background_.
func specialLabel(label string) (value uint8, ok bool) {
	switch strings.ToLower(strings.Trim(label, "_")) {
	case "ignore":
		return labelmap.Ignore, true
	case "background":
		return 0, true
	}
	return 0, false
}

// draw draws the shapes and counts them; names are the classes, [0] the background.
func (a *labelMe) draw(names []string, t *tally.Tally) Mask {
	values := make(map[string]uint8, len(names))
	for c, name := range names {
		values[name] = uint8(c)
	}
	m := Mask{Pix: make([]uint8, a.h*a.w), H: a.h, W: a.w}
	for _, s := range a.shapes {
		value, special := specialLabel(s.label)
		if !special {
			value = values[s.label]
		}
		var painted bool
		var err error
		switch {
		case s.mask != nil:
			painted = m.paste(s.mask, s.xy[0], s.xy[1], value)
		case s.radius > 0:
			painted = m.circle(s.xy[0], s.xy[1], s.radius, value)
		default:
			painted, err = coco.DrawPolygon(m.Pix, m.H, m.W, s.xy, value)
		}
		switch what := infile.Shown(a.path) + ": " + s.name; {
		case err != nil:
			t.Leave(whyBadShape, fmt.Sprintf("%s: %v", what, err))
		case !painted:
			t.Leave(whyNoPixel, what)
		default:
			t.Used++
		}
	}
	return m
}

// paste draws the ones of a mask whose upper left pixel is at (x0,y0), cut to whole numbers
// as LabelMe does.
func (m Mask) paste(part *Mask, x0, y0 float64, value uint8) (painted bool) {
	const far = 1 << 30
	left, top := int(min(max(x0, -far), far)), int(min(max(y0, -far), far))
	for y := max(0, -top); y < min(part.H, m.H-top); y++ {
		for x := max(0, -left); x < min(part.W, m.W-left); x++ {
			if part.Pix[y*part.W+x] != 0 {
				m.Pix[(top+y)*m.W+left+x] = value
				painted = true
			}
		}
	}
	return painted
}

// circle fills the pixels whose middle is not farther than r from (cx,cy).
func (m Mask) circle(cx, cy, r float64, value uint8) (painted bool) {
	inside := func(v float64, n int) int { return int(min(max(v, 0), float64(n))) }
	for y := inside(cy-r, m.H); y < inside(cy+r+1, m.H); y++ {
		dy := float64(y) + 0.5 - cy
		for x := inside(cx-r, m.W); x < inside(cx+r+1, m.W); x++ {
			if dx := float64(x) + 0.5 - cx; float64(dx*dx)+float64(dy*dy) <= float64(r*r) {
				m.Pix[y*m.W+x] = value
				painted = true
			}
		}
	}
	return painted
}
