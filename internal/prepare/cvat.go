package prepare

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"hdmnet/internal/infile"
	"hdmnet/internal/picture"
	"hdmnet/internal/tally"
)

// cvatImage is a picture of "CVAT for images 1.1".
type cvatImage struct {
	Name   string      `xml:"name,attr"`
	Width  int         `xml:"width,attr"`
	Height int         `xml:"height,attr"`
	Shapes []cvatShape `xml:",any"`
}

// cvatShape is any shape; each kind has some of the attributes.
type cvatShape struct {
	XMLName  xml.Name
	Label    string `xml:"label,attr"`
	Z        int    `xml:"z_order,attr"`
	Points   string `xml:"points,attr"` // x,y;x,y
	Left     string `xml:"xtl,attr"`    // of a box
	Top      string `xml:"ytl,attr"`
	Right    string `xml:"xbr,attr"`
	Bottom   string `xml:"ybr,attr"`
	Rotation string `xml:"rotation,attr"` // degrees, around the middle
	CX       string `xml:"cx,attr"`       // of an ellipse
	CY       string `xml:"cy,attr"`
	RX       string `xml:"rx,attr"`
	RY       string `xml:"ry,attr"`
	RLE      string `xml:"rle,attr"` // of a mask: runs of 0 and 1 in turn, row by row in its box
	MaskLeft string `xml:"left,attr"`
	MaskTop  string `xml:"top,attr"`
	Width    string `xml:"width,attr"`
	Height   string `xml:"height,attr"`
}

// readCVAT reads "CVAT for images 1.1".
func readCVAT(ctx context.Context, opt ImportOptions, t *tally.Tally) (*annotatedSet, error) {
	content, err := opt.readText()
	if err != nil {
		return nil, err
	}
	set, p := &annotatedSet{}, newPlacer(&opt, t)
	err = parseCVAT(content, &set.classes, func(image *cvatImage) error {
		if a := image.annotated(); p.place(a, image.Name) {
			set.pictures = append(set.pictures, a)
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", infile.Shown(opt.File), err)
	}
	return set, nil
}

// parseCVAT calls found with every picture of a file, and adds the labels of the project.
func parseCVAT(content []byte, labels *[]string, found func(*cvatImage) error) error {
	const what = "no annotations of CVAT for images, which begin with <annotations>; export as \"CVAT for images 1.1\""
	dec := xml.NewDecoder(bytes.NewReader(content))
	// The content is UTF-8 by now, whatever it says.
	dec.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var path []string
	for {
		token, err := dec.Token()
		switch {
		case err == io.EOF && path == nil:
			return errors.New(what)
		case err == io.EOF:
			return nil
		case err != nil && path == nil:
			return fmt.Errorf("%s: %w", what, err)
		case err != nil:
			return fmt.Errorf("its XML is damaged or cut short: %w", err)
		}
		switch token := token.(type) {
		case xml.EndElement:
			if path = path[:len(path)-1]; len(path) == 0 {
				return nil
			}
		case xml.StartElement:
			name := token.Name.Local
			if len(path) == 0 && name != "annotations" {
				return errors.New(what)
			}
			if len(path) == 1 && name == "track" {
				return errors.New("these are annotations of CVAT for video, tracks; export as \"CVAT for images 1.1\"")
			}
			if len(path) > 100 {
				return errors.New("its XML nests deeper than 100")
			}
			switch {
			case len(path) == 1 && name == "image":
				image := &cvatImage{}
				if err := dec.DecodeElement(image, &token); err != nil {
					return fmt.Errorf("an image that is none of CVAT: %w", err)
				}
				if err := found(image); err != nil {
					return err
				}
			case name == "name" && len(path) > 2 && path[1] == "meta" && path[len(path)-1] == "label":
				var label string
				if err := dec.DecodeElement(&label, &token); err != nil {
					return fmt.Errorf("a label without a name: %w", err)
				}
				if label = strings.TrimSpace(label); label != "" && !slices.Contains(*labels, label) {
					*labels = append(*labels, label)
				}
			default:
				path = append(path, name)
			}
		}
	}
}

// annotated is the picture with its shapes, the lowest first.
func (c *cvatImage) annotated() *annotated {
	a := &annotated{h: max(c.Height, 0), w: max(c.Width, 0)}
	shapes := slices.Clone(c.Shapes)
	slices.SortStableFunc(shapes, func(a, b cvatShape) int { return cmp.Compare(a.Z, b.Z) })
	for _, s := range shapes {
		kind, label := s.XMLName.Local, strings.TrimSpace(s.Label)
		name := fmt.Sprintf("%s, a %.40s of the label %.80q", infile.Shown(c.Name), infile.Shown(kind), label)
		switch kind {
		case "tag":
			continue
		case "points", "polyline", "skeleton":
			a.left.Omit(whyNoArea, name)
			continue
		}
		if label == "" {
			a.left.Leave(whyNoLabel, name)
			continue
		}
		drawn, err := s.shape(kind)
		if err != nil {
			a.left.Leave(whyBadShape, name+": "+err.Error())
			continue
		}
		drawn.label, drawn.name = label, name
		a.shapes = append(a.shapes, drawn)
	}
	return a
}

func (s *cvatShape) shape(kind string) (shape, error) {
	degrees := 0.0
	var err error
	if s.Rotation != "" {
		if degrees, err = number("rotation", s.Rotation); err != nil {
			return shape{}, err
		}
	}
	switch kind {
	case "polygon":
		xy, err := cvatPoints(s.Points)
		if err == nil && len(xy) < 6 {
			err = fmt.Errorf("%d points, expected 3 or more", len(xy)/2)
		}
		return shape{xy: xy}, err
	case "box":
		v, err := numbers("xtl", s.Left, "ytl", s.Top, "xbr", s.Right, "ybr", s.Bottom)
		if err != nil {
			return shape{}, err
		}
		l, t, r, b := v[0], v[1], v[2], v[3]
		return shape{xy: turned([]float64{l, t, r, t, r, b, l, b}, (l+r)/2, (t+b)/2, degrees)}, nil
	case "ellipse":
		v, err := numbers("cx", s.CX, "cy", s.CY, "rx", s.RX, "ry", s.RY)
		if err == nil && !(v[2] > 0 && v[3] > 0) {
			err = errors.New("half axes that are not above 0")
		}
		if err != nil {
			return shape{}, err
		}
		return shape{xy: v[:2], rx: v[2], ry: v[3], angle: degrees}, nil
	case "mask":
		v, err := numbers("left", s.MaskLeft, "top", s.MaskTop, "width", s.Width, "height", s.Height)
		if err != nil {
			return shape{}, err
		}
		runs := s.RLE
		return shape{xy: v[:2], unpack: func() (*Mask, error) { return cvatMask(runs, v[2], v[3]) }}, nil
	}
	return shape{}, errors.New("its kind is not read; draw it as a polygon, box, ellipse or mask")
}

// cvatPoints reads "x,y;x,y".
func cvatPoints(text string) ([]float64, error) {
	var xy []float64
	for point := range strings.SplitSeq(text, ";") {
		x, y, ok := strings.Cut(point, ",")
		if !ok {
			return nil, fmt.Errorf("a point %.40q, expected x,y", point)
		}
		v, err := numbers("x", x, "y", y)
		if err != nil {
			return nil, err
		}
		xy = append(xy, v...)
	}
	return xy, nil
}

// cvatMask reads runs of zeros and ones in turn, row by row.
func cvatMask(text string, width, height float64) (*Mask, error) {
	if w, h := math.Trunc(width), math.Trunc(height); !(w == width && h == height && w > 0 && h > 0 && w*h <= picture.WholePixels) {
		return nil, fmt.Errorf("a mask of %g×%g pixels (width×height)", width, height)
	}
	m := &Mask{H: int(height), W: int(width)}
	m.Pix = make([]uint8, m.H*m.W)
	at, value := 0, uint8(0)
	for part := range strings.SplitSeq(text, ",") {
		run, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || run < 0 || run > len(m.Pix)-at {
			return nil, fmt.Errorf("a run %.40q at pixel %d of %d of its mask", part, at, len(m.Pix))
		}
		for end := at + run; at < end; at++ {
			m.Pix[at] = value
		}
		value = 1 - value
	}
	if at != len(m.Pix) {
		return nil, fmt.Errorf("runs of %d pixels, its mask has %d", at, len(m.Pix))
	}
	return m, nil
}

// numbers reads attributes, given as name, value, name, value, ….
func numbers(pairs ...string) ([]float64, error) {
	var out []float64
	for i := 0; i < len(pairs); i += 2 {
		v, err := number(pairs[i], pairs[i+1])
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// number reads a finite number.
func number(name, text string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%s is %.40q, expected a number", name, text)
	}
	return v, nil
}

// turned are points turned around (cx,cy) by degrees, from x towards y.
func turned(xy []float64, cx, cy, degrees float64) []float64 {
	if degrees == 0 {
		return xy
	}
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	out := make([]float64, len(xy))
	for i := 0; i < len(xy); i += 2 {
		dx, dy := xy[i]-cx, xy[i+1]-cy
		out[i], out[i+1] = cx+dx*cos-dy*sin, cy+dx*sin+dy*cos
	}
	return out
}
