package prepare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hdmnet/internal/infile"
	"hdmnet/internal/tally"
	"hdmnet/internal/textfile"
)

// viaImage is a picture of VGG's Image Annotator, version 1 or 2.
type viaImage struct {
	Filename string          `json:"filename"`
	Regions  json.RawMessage `json:"regions"` // a list; in version 1 a dict by number
}

type viaRegion struct {
	Shape struct {
		Name   string    `json:"name"`
		X      []float64 `json:"all_points_x"`
		Y      []float64 `json:"all_points_y"`
		Left   float64   `json:"x"`
		Top    float64   `json:"y"`
		Width  float64   `json:"width"`
		Height float64   `json:"height"`
		CX     float64   `json:"cx"`
		CY     float64   `json:"cy"`
		R      float64   `json:"r"`
		RX     float64   `json:"rx"`
		RY     float64   `json:"ry"`
		Theta  float64   `json:"theta"` // radians
	} `json:"shape_attributes"`
	Attributes map[string]json.RawMessage `json:"region_attributes"`
}

// viaClassNames are attributes that are the class where there are several.
var viaClassNames = []string{"class", "label", "name", "type", "category", "object"}

// readVIA reads a project or an export of VGG's Image Annotator.
func readVIA(ctx context.Context, opt ImportOptions, t *tally.Tally) (*annotatedSet, error) {
	content, err := opt.readText()
	if err != nil {
		return nil, err
	}
	images, err := parseVIA(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", infile.Shown(opt.File), err)
	}
	set, p := &annotatedSet{}, newPlacer(&opt, t)
	for _, key := range slices.Sorted(maps.Keys(images)) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		image := images[key]
		if a := image.annotated(opt.Attribute); p.place(a, image.Filename) {
			set.pictures = append(set.pictures, a)
		}
	}
	return set, nil
}

func parseVIA(content []byte) (map[string]*viaImage, error) {
	const what = "no annotations of VGG's Image Annotator, a list of pictures with filename and regions; export as JSON"
	content = textfile.JSON(content)
	var project struct {
		Images json.RawMessage `json:"_via_img_metadata"`
	}
	if json.Unmarshal(content, &project) == nil && project.Images != nil {
		content = project.Images
	}
	var images map[string]*viaImage
	if err := json.Unmarshal(content, &images); err != nil {
		return nil, fmt.Errorf("%s: %w", what, textfile.JSONError(err))
	}
	for _, image := range images {
		if image == nil || image.Filename == "" {
			return nil, errors.New(what)
		}
	}
	return images, nil
}

// annotated is the picture with its regions; attribute is the class.
func (v *viaImage) annotated(attribute string) *annotated {
	a := &annotated{}
	for i, raw := range viaRegions(v.Regions) {
		name := fmt.Sprintf("%s, region %d", infile.Shown(v.Filename), i+1)
		var r viaRegion
		if err := json.Unmarshal(raw, &r); err != nil {
			a.left.Leave(whyBadShape, fmt.Sprintf("%s: %v", name, textfile.JSONError(err)))
			continue
		}
		switch r.Shape.Name {
		case "point", "polyline":
			a.left.Omit(whyNoArea, name)
			continue
		}
		label := r.label(attribute)
		if label == "" {
			a.left.Leave(whyNoLabel, name)
			continue
		}
		s, err := r.shape()
		if err != nil {
			a.left.Leave(whyBadShape, name+": "+err.Error())
			continue
		}
		s.label, s.name = label, name
		a.shapes = append(a.shapes, s)
	}
	return a
}

// viaRegions are the regions in the order of their drawing.
func viaRegions(raw json.RawMessage) []json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	var numbered map[string]json.RawMessage
	if json.Unmarshal(raw, &numbered) != nil {
		return nil
	}
	keys := slices.SortedFunc(maps.Keys(numbered), func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	for _, key := range keys {
		list = append(list, numbered[key])
	}
	return list
}

// label is the class of a region, "" where it says none: the text of the attribute, or the
// choice that is true.
func (r *viaRegion) label(attribute string) string {
	if attribute == "" {
		there := slices.Sorted(maps.Keys(r.Attributes))
		for _, name := range viaClassNames {
			if at := slices.IndexFunc(there, func(a string) bool { return strings.EqualFold(a, name) }); at >= 0 && attribute == "" {
				attribute = there[at]
			}
		}
		if len(there) == 1 {
			attribute = there[0]
		}
	}
	raw := r.Attributes[attribute]
	if text := shapeLabel(raw); text != "" {
		return text
	}
	var choices map[string]bool
	if json.Unmarshal(raw, &choices) != nil {
		return ""
	}
	for _, choice := range slices.Sorted(maps.Keys(choices)) {
		if choices[choice] {
			return strings.TrimSpace(choice)
		}
	}
	return ""
}

func (r *viaRegion) shape() (shape, error) {
	switch s := &r.Shape; s.Name {
	case "polygon":
		if len(s.X) != len(s.Y) || len(s.X) < 3 {
			return shape{}, fmt.Errorf("a polygon of %d x and %d y, expected 3 or more points", len(s.X), len(s.Y))
		}
		var xy []float64
		for i := range s.X {
			xy = append(xy, s.X[i], s.Y[i])
		}
		return shape{xy: xy}, nil
	case "rect":
		return shape{xy: box(s.Left, s.Top, s.Width, s.Height, 0)}, nil
	case "circle":
		s.RX, s.RY = s.R, s.R
		fallthrough
	case "ellipse":
		if !(s.RX > 0 && s.RY > 0) {
			return shape{}, errors.New("radii that are not above 0")
		}
		const degrees = 57.29577951308232
		return shape{xy: []float64{s.CX, s.CY}, rx: s.RX, ry: s.RY, angle: s.Theta * degrees}, nil
	default:
		return shape{}, fmt.Errorf("a shape %.40q, which is not read", s.Name)
	}
}
