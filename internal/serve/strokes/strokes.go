// Package strokes turns what a person draws on a picture into a mask: points, boxes and
// scribbles are marks from which package annotate grows the object; polygons and brushes
// then paint and erase exactly, in the order of drawing.
package strokes

import (
	"math"
	"net/http"

	"hdmnet/internal/annotate"
	"hdmnet/internal/coco"
	"hdmnet/internal/serve/fault"
)

// Limits of what is drawn on one picture.
const (
	MaxStrokes = 2000
	maxPoints  = 200_000 // of all strokes together
	maxCover   = 64      // how many times all strokes together may cover the picture
)

// WorkSide is the longer side, in pixels, of the copy of a picture in which objects are grown.
const WorkSide = 1024

// Stroke is one of them. Places are pixels of the upright picture.
type Stroke struct {
	Tool   string       `json:"tool"`          // point, box, scribble, polygon or brush
	Add    bool         `json:"add,omitempty"` // the object; else the background
	X      float64      `json:"x,omitempty"`   // of a point
	Y      float64      `json:"y,omitempty"`
	X0     float64      `json:"x0,omitempty"` // of a box
	Y0     float64      `json:"y0,omitempty"`
	X1     float64      `json:"x1,omitempty"`
	Y1     float64      `json:"y1,omitempty"`
	Width  float64      `json:"width,omitempty"`  // of a scribble or brush
	Points [][2]float64 `json:"points,omitempty"` // of a scribble, polygon or brush
}

// Mask is what the strokes mean in a picture of h×w pixels, at th×tw: 1 the object, 0
// background. pix [ph,pw,3] is the picture, or a smaller copy of it, in which marks grow.
//
// Errors: a stroke that is not understood or that is outside; marks that mark nothing. They
// say which stroke, from 1.
func Mask(strokes []Stroke, h, w int, pix []uint8, ph, pw, th, tw int) ([]uint8, error) {
	if err := check(strokes, h, w); err != nil {
		return nil, err
	}
	out, err := grown(strokes, h, w, pix, ph, pw, th, tw)
	if err != nil {
		return nil, err
	}
	sy, sx := float64(th)/float64(h), float64(tw)/float64(w)
	c := &canvas{pix: out, h: th, w: tw, budget: maxCover * th * tw}
	for i, s := range strokes {
		switch s.Tool {
		case "brush":
			err = c.line(s.Points, s.Width, sx, sy, value(s.Add))
		case "polygon":
			var xy []float64
			for _, p := range s.Points {
				xy = append(xy, p[0]*sx, p[1]*sy)
			}
			_, err = coco.DrawPolygon(out, th, tw, xy, value(s.Add))
		}
		if err != nil {
			return nil, refuse(i, "%v", err)
		}
	}
	return out, nil
}

func value(add bool) uint8 {
	if add {
		return 1
	}
	return 0
}

// grown is the mask [th,tw] of the marks alone, grown in the copy.
func grown(strokes []Stroke, h, w int, pix []uint8, ph, pw, th, tw int) ([]uint8, error) {
	m := &annotate.Marks{}
	sy, sx := float64(ph)/float64(h), float64(pw)/float64(w)
	lines := func(old *[]uint8, s *Stroke) error {
		if *old == nil {
			*old = make([]uint8, ph*pw)
		}
		c := &canvas{pix: *old, h: ph, w: pw, budget: maxCover * ph * pw}
		return c.line(s.Points, s.Width, sx, sy, 1)
	}
	for i := range strokes {
		s := &strokes[i]
		var err error
		switch s.Tool {
		case "point":
			p := annotate.Point{X: min(pw-1, int(s.X*sx)), Y: min(ph-1, int(s.Y*sy))}
			if s.Add {
				m.Points = append(m.Points, p)
			} else {
				m.Not = append(m.Not, p)
			}
		case "box":
			x0, x1, y0, y1 := min(s.X0, s.X1), max(s.X0, s.X1), min(s.Y0, s.Y1), max(s.Y0, s.Y1)
			b := annotate.Box{X0: max(0, int(math.Round(x0*sx))), Y0: max(0, int(math.Round(y0*sy))), X1: min(pw, int(math.Round(x1*sx))), Y1: min(ph, int(math.Round(y1*sy)))}
			b.X0, b.Y0 = min(b.X0, pw-1), min(b.Y0, ph-1)
			b.X1, b.Y1 = max(b.X1, b.X0+1), max(b.Y1, b.Y0+1)
			m.Boxes = append(m.Boxes, b)
		case "scribble":
			if s.Add {
				err = lines(&m.Scribble, s)
			} else {
				err = lines(&m.NotLines, s)
			}
		}
		if err != nil {
			return nil, refuse(i, "%v", err)
		}
	}
	if len(m.Points)+len(m.Not)+len(m.Boxes) == 0 && m.Scribble == nil && m.NotLines == nil {
		return make([]uint8, th*tw), nil
	}
	mask, err := annotate.MaskAt(pix, ph, pw, m, th, tw)
	if err != nil {
		return nil, fault.New(http.StatusBadRequest, "add a point, a box or a scribble on the object", "the marks give no object: %v", err)
	}
	return mask, nil
}

// check refuses strokes that nobody draws.
func check(strokes []Stroke, h, w int) error {
	if len(strokes) == 0 {
		return fault.New(http.StatusBadRequest, "mark the object", "there are no strokes")
	}
	if len(strokes) > MaxStrokes {
		return fault.New(http.StatusBadRequest, "save the mask as rle instead", "%d strokes, at most %d are taken", len(strokes), MaxStrokes)
	}
	points := 0
	reach := func(v float64, side int) bool { return math.Abs(v) <= 4*float64(side)+1e4 } // also not NaN
	for i := range strokes {
		s := &strokes[i]
		if points += len(s.Points); points > maxPoints {
			return fault.New(http.StatusBadRequest, "save the mask as rle instead", "the strokes have more than %d points", maxPoints)
		}
		for _, p := range s.Points {
			if !reach(p[0], w) || !reach(p[1], h) {
				return refuse(i, "%g,%g is far outside the picture of %d×%d pixels", p[0], p[1], w, h)
			}
		}
		switch s.Tool {
		case "point":
			if !(s.X >= 0 && s.Y >= 0 && s.X < float64(w) && s.Y < float64(h)) {
				return refuse(i, "point %g,%g is outside the picture of %d×%d pixels", s.X, s.Y, w, h)
			}
		case "box":
			if !reach(s.X0, w) || !reach(s.X1, w) || !reach(s.Y0, h) || !reach(s.Y1, h) || s.X0 == s.X1 || s.Y0 == s.Y1 {
				return refuse(i, "box %g,%g,%g,%g is empty or far outside the picture of %d×%d pixels", s.X0, s.Y0, s.X1, s.Y1, w, h)
			}
		case "scribble", "brush":
			if len(s.Points) == 0 || !(s.Width > 0 && s.Width <= 2*float64(max(h, w))) {
				return refuse(i, "a %s has points, and a width in pixels above 0; this one has %d points and the width %g", s.Tool, len(s.Points), s.Width)
			}
		case "polygon":
			if len(s.Points) < 3 {
				return refuse(i, "a polygon has 3 points or more, this one %d", len(s.Points))
			}
		default:
			return refuse(i, "there is no tool %.30q; there are point, box, scribble, polygon and brush", s.Tool)
		}
	}
	return nil
}

func refuse(i int, what string, args ...any) error {
	return fault.New(http.StatusBadRequest, "see strokes in docs/serve.md", "stroke %d: "+what, append([]any{i + 1}, args...)...)
}
