package predict

import (
	"fmt"
	"slices"

	"hdmnet/internal/annotate"
	"hdmnet/internal/data"
	"hdmnet/internal/infile"
	"hdmnet/internal/overlay"
	"hdmnet/internal/picture"
)

// supports are the K supports.
type supports struct {
	class  string           // what they show, where there are several
	names  []string         // of the pictures' files
	images []float32        // [K,S,S,3] gray levels
	masks  []uint8          // [K,S,S]
	photos []*picture.Photo // as they were given
	whole  []*mask
}

func readSupports(o *Options, r *picture.Reader) (*supports, error) {
	k, px := len(o.Supports), o.Size*o.Size
	s := &supports{images: make([]float32, k*px*3), masks: make([]uint8, k*px)}
	for i := range o.Supports {
		p, m, err := o.Supports[i].read(r, o.WhiteIsObject)
		if err != nil {
			return nil, err
		}
		small := s.masks[i*px : (i+1)*px]
		if o.Finder != nil {
			o.Finder.Label(small, o.Size, m.values, m.h, m.w)
		} else {
			data.ResizeLabel(small, o.Size, o.Size, m.values, m.h, m.w)
		}
		o.preprocess(s.images[i*px*3:(i+1)*px*3], p.Pix, p.H, p.W)
		o.warn(&o.Supports[i], m, small)
		s.names, s.photos, s.whole = append(s.names, o.Supports[i].Image), append(s.photos, p), append(s.whole, m)
	}
	return s, nil
}

// show writes what was understood of the supports.
func (s *supports) show(o *Options) error {
	for i, path := range supportOverlays(o) {
		p, m := s.photos[i], s.whole[i]
		if err := o.writePNG(path, overlay.Draw(p.Pix, m.values, p.H, p.W)); err != nil {
			return err
		}
		if o.Taken != nil {
			o.Taken(Taken{o.Supports[i].Image, path, m.share()})
		}
	}
	return nil
}

// read reads a support's picture and its object's mask.
func (s *Support) read(r *picture.Reader, whiteIsObject bool) (*picture.Photo, *mask, error) {
	p, err := r.ReadPhoto(s.Image)
	if err != nil {
		return nil, nil, fmt.Errorf("support: %w", err)
	}
	if s.Mask != "" {
		m, err := readMask(r, s.Mask)
		if err != nil {
			return nil, nil, fmt.Errorf("support %s: %w", infile.Shown(s.Image), err)
		}
		switch {
		case s.Value != 0:
			if m, err = readClass(r, s.Mask, s.Value); err != nil {
				return nil, nil, err
			}
		case whiteIsObject:
			m.whiteIsObject()
		}
		return p, m, s.fits(p, m, "mask "+s.Mask)
	}
	marks, err := s.marks(p)
	if err != nil {
		return nil, nil, fmt.Errorf("support %s: %w", infile.Shown(s.Image), err)
	}
	if s.Scribble != "" {
		m, err := readMask(r, s.Scribble)
		if err != nil {
			return nil, nil, fmt.Errorf("support %s: scribble: %w", infile.Shown(s.Image), err)
		}
		if err := s.fits(p, m, "scribble "+s.Scribble); err != nil {
			return nil, nil, err
		}
		marks.Scribble = m.values // white marks like any color
	}
	values, err := annotate.Mask(p.Pix, p.H, p.W, marks)
	if err != nil {
		return nil, nil, fmt.Errorf("support %s: %w", infile.Shown(s.Image), err)
	}
	return p, &mask{h: p.H, w: p.W, size: p.Size, values: values, object: slices.Contains(values, 1)}, nil
}

func (s *Support) fits(p *picture.Photo, m *mask, what string) error {
	if m.size == p.Size {
		return nil
	}
	return fmt.Errorf("support %s is %s but its %s is %v; they must be of the same size", infile.Shown(s.Image), p.InWords(), infile.Shown(what), m.size)
}

// marks are the marks in the pixels that the picture was read with.
func (s *Support) marks(p *picture.Photo) (*annotate.Marks, error) {
	m := &annotate.Marks{Boxes: s.Boxes, Points: s.Points, Not: s.Not}
	n := p.Size.Factor()
	if n == 1 {
		return m, nil
	}
	small := func(points []annotate.Point) (out []annotate.Point, err error) {
		for _, at := range points {
			if at.X < 0 || at.Y < 0 || at.X >= p.Size.W || at.Y >= p.Size.H {
				return nil, fmt.Errorf("point %d,%d is outside the picture of %v", at.X, at.Y, p.Size)
			}
			out = append(out, annotate.Point{X: at.X / n, Y: at.Y / n})
		}
		return out, nil
	}
	var err error
	if m.Points, err = small(s.Points); err != nil {
		return nil, err
	}
	if m.Not, err = small(s.Not); err != nil {
		return nil, err
	}
	m.Boxes = nil
	for _, b := range s.Boxes {
		if b.X0 < 0 || b.Y0 < 0 || b.X1 > p.Size.W || b.Y1 > p.Size.H || b.X0 >= b.X1 || b.Y0 >= b.Y1 {
			return nil, fmt.Errorf("box %d,%d,%d,%d is empty or reaches out of the picture of %v", b.X0, b.Y0, b.X1, b.Y1, p.Size)
		}
		m.Boxes = append(m.Boxes, annotate.Box{X0: b.X0 / n, Y0: b.Y0 / n, X1: (b.X1 + n - 1) / n, Y1: (b.Y1 + n - 1) / n})
	}
	return m, nil
}

// warn says when the network will see nothing of the object.
func (o *Options) warn(s *Support, m *mask, small []uint8) {
	if o.Warn == nil {
		return
	}
	what := "mask " + s.Mask
	if s.Mask == "" {
		what = s.Image
	}
	switch {
	case !m.object:
		o.Warn(m.empty(s.Mask))
	case !slices.Contains(small, 1):
		o.Warn(fmt.Sprintf("support %s: the object is so small that nothing of it is left at the network's %d×%d input; crop the support around it",
			what, o.Size, o.Size))
	}
}

// share is the object's share of the pixels.
func (m *mask) share() float64 {
	n := 0
	for _, v := range m.values {
		if v == 1 {
			n++
		}
	}
	return float64(n) / float64(len(m.values))
}
