package predict

import "hdmnet/internal/data"

// Finder finds objects at the size of a picture, in a way of its own; those of package foundation do.
type Finder interface {
	data.Resizer // of its input
	// Find returns the object's probability for every pixel of an episode's query, [e.H,e.W].
	// The names are those of the pictures' files.
	Find(e *data.Episode) ([]float32, error)
}

// preprocess brings a picture [h,w,3] to the input.
func (o *Options) preprocess(dst []float32, pix []uint8, h, w int) {
	if o.Finder != nil {
		o.Finder.Picture(dst, o.Size, pix, h, w)
		return
	}
	data.Preprocess(dst, o.Size, pix, h, w)
}

// episode is the supports with a query of h×w pixels, x at the input's size.
func (s *supports) episode(size int, query string, x []float32, h, w int) *data.Episode {
	e := &data.Episode{Query: data.Sample{Image: x}, QueryName: query, SupportNames: s.names, H: h, W: w}
	px := size * size
	for i := range s.names {
		e.Supports = append(e.Supports, data.Sample{Image: s.images[i*px*3 : (i+1)*px*3], Mask: s.masks[i*px : (i+1)*px]})
	}
	return e
}
