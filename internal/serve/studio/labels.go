package studio

import (
	"math"
	"runtime"
	"slices"
	"sync"

	"hdmnet/internal/predict"
	"hdmnet/internal/serve/engine"
	"hdmnet/internal/serve/project"
)

// layer is a class's probabilities on their way into labels.
type layer struct {
	class int
	odds  []float32 // [h,w] cells
	h, w  int
	least float32 // log-odds of the threshold
}

// Labels says of every pixel [h,w] of a picture which class it is of, 0: of none. Masks that
// were accepted or drawn count first, the latest before others; elsewhere a pixel is of the
// class that is most probable there among those above their thresholds. Rejected masks do not count,
// but for that of the class shown (0: none). thresholds are instead of those of the classes.
func (s *Studio) Labels(r *project.Record, shown int, thresholds map[int]float64) ([]int32, error) {
	// Of the largest picture these are hundreds of megabytes.
	s.paints <- struct{}{}
	defer func() { <-s.paints }()
	h, w := r.Image.Height, r.Image.Width
	var layers []layer
	var fixed []*project.Mask
	for i := range r.Masks {
		m := &r.Masks[i]
		class, err := s.Project.Class(m.Class)
		if err != nil || m.Status == project.Rejected && m.Class != shown {
			continue
		}
		if m.Fixed != 0 {
			fixed = append(fixed, m)
			continue
		}
		v, err := s.Project.Probabilities(r, m.Class)
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue
		}
		t := class.Threshold
		if other, ok := thresholds[m.Class]; ok {
			t = other
		}
		layers = append(layers, layer{m.Class, engine.LogOdds(floats(v.P)), v.H, v.W, float32(math.Log(t / (1 - t)))})
	}
	labels := make([]int32, h*w)
	paint(labels, layers, h, w)
	slices.SortFunc(fixed, func(a, b *project.Mask) int { return int(a.Fixed - b.Fixed) })
	for _, m := range fixed {
		mask, err := s.Project.FixedMask(r, m.Class)
		if err != nil {
			return nil, err
		}
		for i, v := range mask {
			if v != 0 {
				labels[i] = int32(m.Class)
			} else if labels[i] == int32(m.Class) {
				labels[i] = 0
			}
		}
	}
	return labels, nil
}

// paint gives every pixel to the best of the layers that is above its threshold.
func paint(labels []int32, layers []layer, h, w int) {
	parts := min(runtime.GOMAXPROCS(0), 8, h)
	var all sync.WaitGroup
	for part := range parts {
		all.Go(func() {
			y0, y1 := part*h/parts, (part+1)*h/parts
			var best []float32
			if len(layers) > 1 {
				best = make([]float32, (y1-y0)*w)
				for i := range best {
					best[i] = float32(math.Inf(-1))
				}
			}
			for _, l := range layers {
				engine.Rows(l.odds, l.h, l.w, h, w, y0, y1, func(y int, row []float32) {
					to := labels[y*w:][:w]
					if best == nil {
						for x, v := range row {
							if v > l.least {
								to[x] = int32(l.class)
							}
						}
						return
					}
					high := best[(y-y0)*w:][:w]
					for x, v := range row {
						if v > l.least && v > high[x] {
							to[x], high[x] = int32(l.class), v
						}
					}
				})
			}
		})
	}
	all.Wait()
}

// ClassMask is the mask [h,w] of a class, 0 and 1, as Labels has it. A threshold of 0 or more is
// taken instead of the class's.
func (s *Studio) ClassMask(r *project.Record, class int, threshold float64) ([]uint8, error) {
	if r.Mask(class) == nil {
		return nil, project.NoMask(class)
	}
	var thresholds map[int]float64
	if threshold >= 0 {
		thresholds = map[int]float64{class: threshold}
	}
	labels, err := s.Labels(r, class, thresholds)
	if err != nil {
		return nil, err
	}
	mask := make([]uint8, len(labels))
	for i, v := range labels {
		if v == int32(class) {
			mask[i] = 1
		}
	}
	return mask, nil
}

// Accept fixes the mask of a class as it is seen.
func (s *Studio) Accept(r *project.Record, class int) (*project.Record, error) {
	if m := r.Mask(class); m != nil && m.Fixed != 0 {
		mask, err := s.Project.FixedMask(r, class)
		if err != nil {
			return nil, err
		}
		return s.Project.Fix(r.Image.ID, class, mask, false)
	}
	mask, err := s.ClassMask(r, class, -1)
	if err != nil {
		return nil, err
	}
	return s.Project.Fix(r.Image.ID, class, mask, false)
}

// Heat are the probabilities of a class, 8 bits [h,w], at most side on the longer side.
func (s *Studio) Heat(r *project.Record, class, side int) (pix []uint8, h, w int, err error) {
	v, err := s.Project.Probabilities(r, class)
	if err != nil {
		return nil, 0, 0, err
	}
	if v == nil {
		return nil, 0, 0, errNoProbabilities
	}
	h, w = r.Image.Height, r.Image.Width
	if longer := max(h, w); longer > side {
		h, w = max(1, (h*side+longer/2)/longer), max(1, (w*side+longer/2)/longer)
	}
	m := engine.Enlarge(&predict.Map{H: v.H, W: v.W, P: floats(v.P)}, h, w)
	pix = make([]uint8, h*w)
	for i, p := range m.P {
		pix[i] = uint8(p*255 + 0.5)
	}
	return pix, h, w, nil
}

// floats are probabilities of 16 bits as numbers.
func floats(v []uint16) []float32 {
	p := make([]float32, len(v))
	for i, x := range v {
		p[i] = float32(x) / 65535
	}
	return p
}

// assess gives the mean probability of the cells above a threshold, and their share; where
// there are none, the highest probability.
func assess(v []uint16, threshold float64) (confidence, area float64) {
	sum, n, highest := 0.0, 0, uint16(0)
	for _, x := range v {
		highest = max(highest, x)
		if p := float64(x) / 65535; p > threshold {
			sum += p
			n++
		}
	}
	if n == 0 {
		return float64(highest) / 65535, 0
	}
	return sum / float64(n), float64(n) / float64(len(v))
}

// reassess brings confidences and areas of a class's masks to its threshold.
func (s *Studio) reassess(c project.Class) error {
	for _, r := range s.Project.Records() {
		m := r.Mask(c.ID)
		if m == nil || m.Fixed != 0 || m.Threshold == c.Threshold {
			continue
		}
		v, err := s.Project.Probabilities(r, c.ID)
		if err != nil {
			return err
		}
		if v != nil {
			confidence, area := assess(v.P, c.Threshold)
			s.Project.Reassess(r.Image.ID, c.ID, c.Threshold, confidence, area)
		}
	}
	return nil
}

// ChangeClass changes a class; see project.ChangeClass.
func (s *Studio) ChangeClass(id int, change func(*project.Class)) (project.Class, error) {
	c, err := s.Project.ChangeClass(id, change)
	if err == nil {
		err = s.reassess(c)
	}
	return c, err
}

// RemoveClass removes a class with its supports and masks.
func (s *Studio) RemoveClass(id int) error {
	s.mu.Lock()
	delete(s.prepared, id)
	s.mu.Unlock()
	return s.Project.RemoveClass(id)
}
