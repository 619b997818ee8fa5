package prepare

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"hdmnet/internal/infile"
	"hdmnet/internal/picture"
	"hdmnet/internal/tally"
	"hdmnet/internal/textfile"
)

// parseLabelMe reads an annotation, without its picture; imagePath is where that should be.
func parseLabelMe(content []byte) (a *annotated, imagePath string, err error) {
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
	a = &annotated{}
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
		r := math.Hypot(xy[2]-xy[0], xy[3]-xy[1])
		return shape{xy: xy[:2], rx: r, ry: r}, nil
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
	return onesOf(content)
}

// onesOf is the mask of a picture inside an annotation: 1 where it is not black.
func onesOf(content []byte) (*Mask, error) {
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
