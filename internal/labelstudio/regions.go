package labelstudio

import (
	"net/http"
	"slices"

	"hdmnet/internal/picture"
	"hdmnet/internal/serve/fault"
	"hdmnet/internal/serve/strokes"
)

// region is one result of an annotation, of a prediction, or of what a person has just
// drawn. Places are percent of the picture's sides.
type region struct {
	Type     string  `json:"type"`
	Width    int     `json:"original_width"`
	Height   int     `json:"original_height"`
	Rotation float64 `json:"image_rotation"`
	Positive *int    `json:"is_positive"` // of a smart key point; nil: yes
	Value    struct {
		X        float64      `json:"x"`
		Y        float64      `json:"y"`
		Width    float64      `json:"width"`
		Height   float64      `json:"height"`
		Rotation float64      `json:"rotation"`
		Points   [][2]float64 `json:"points"`
		RLE      RLE          `json:"rle"`

		Brush      []string `json:"brushlabels"`
		KeyPoints  []string `json:"keypointlabels"`
		Rectangles []string `json:"rectanglelabels"`
		Polygons   []string `json:"polygonlabels"`
	} `json:"value"`
}

// labels are what a region is labeled with.
func (r *region) labels() []string {
	return slices.Concat(r.Value.Brush, r.Value.KeyPoints, r.Value.Rectangles, r.Value.Polygons)
}

// of are the regions with a label, and which labels there are, in the order of regions.
func of(regions []region) (order []string, byLabel map[string][]*region) {
	byLabel = map[string][]*region{}
	for i := range regions {
		for _, label := range regions[i].labels() {
			if byLabel[label] == nil {
				order = append(order, label)
			}
			byLabel[label] = append(byLabel[label], &regions[i])
		}
	}
	return order, byLabel
}

// maskOf is what regions of one label mean in a picture, [H,W] of its size: 1 the object. Brushes
// and polygons are as they are; where there is none, the object is grown from key points and
// rectangles.
//
// Errors: regions of a picture of another size, or turned; marks that mark nothing.
func maskOf(regions []*region, p *picture.Photo) ([]uint8, error) {
	h, w := p.Size.H, p.Size.W
	mask := make([]uint8, h*w)
	var exact, marks []strokes.Stroke
	painted := false
	for _, r := range regions {
		if r.Rotation != 0 || r.Value.Rotation != 0 {
			return nil, fault.New(http.StatusBadRequest, "turn it back", "a %s is turned, which is not understood", r.Type)
		}
		if r.Width != w || r.Height != h {
			return nil, fault.New(http.StatusBadRequest, "reload the task in Label Studio; where the size still differs, upload the picture again",
				"a %s is of a picture of %d×%d pixels, the picture has %d×%d", r.Type, r.Width, r.Height, w, h)
		}
		x, y := func(v float64) float64 { return v / 100 * float64(w) }, func(v float64) float64 { return v / 100 * float64(h) }
		v := &r.Value
		switch r.Type {
		case "brushlabels":
			one, err := decode(v.RLE, h, w)
			if err != nil {
				return nil, fault.New(http.StatusBadRequest, "draw it again", "%v", err)
			}
			for i, is := range one {
				mask[i] |= is
			}
			painted = true
		case "polygonlabels":
			s := strokes.Stroke{Tool: "polygon", Add: true}
			for _, q := range v.Points {
				s.Points = append(s.Points, [2]float64{x(q[0]), y(q[1])})
			}
			exact = append(exact, s)
		case "keypointlabels":
			add := r.Positive == nil || *r.Positive != 0
			marks = append(marks, strokes.Stroke{Tool: "point", Add: add, X: min(x(v.X), float64(w-1)), Y: min(y(v.Y), float64(h-1))})
		case "rectanglelabels":
			marks = append(marks, strokes.Stroke{Tool: "box", X0: x(v.X), Y0: y(v.Y), X1: x(v.X + v.Width), Y1: y(v.Y + v.Height)})
		}
	}
	drawn := exact
	if !painted && len(exact) == 0 {
		if drawn = marks; len(marks) == 0 {
			return nil, fault.New(http.StatusBadRequest, "use a brush, a polygon, a rectangle or key points", "no region marks an object in a way that is understood")
		}
	}
	if len(drawn) == 0 {
		return mask, nil
	}
	pix, ph, pw := picture.Shrink(p.Pix, p.H, p.W, strokes.WorkSide)
	grown, err := strokes.Mask(drawn, h, w, pix, ph, pw, h, w)
	if err != nil {
		return nil, err
	}
	for i, is := range grown {
		mask[i] |= is
	}
	return mask, nil
}
