package nn

import "hdmnet/internal/op"

// NewInferenceSet names and places the parameters of a network that is only run, never
// trained: there are no gradients, everything is Frozen, and a ConvBN or Projection,
// parameters of which are not needed one by one, is kept folded alone, in the form in which
// the device computes it. Values come from Fill or Load; seed is for those that Load does not find.
func NewInferenceSet(dev op.Device, network any, seed uint64) *Set {
	s := newSet(dev, network, seed)
	s.absorbs = map[*Param]folding{}
	for _, l := range s.layers {
		f, ok := l.(folding)
		if !ok {
			continue
		}
		for _, p := range f.parts() {
			if p != nil {
				s.absorbs[p] = f
			}
		}
	}
	var placed []*Param
	for _, p := range s.Params {
		if p.Role == Trainable {
			p.Role = Frozen
		}
		if s.absorbs[p] == nil {
			placed = append(placed, p)
		}
	}
	s.place(placed, func(p *Param, t op.Tensor) { p.Value = t })
	return s
}

// Fill sets every parameter: values writes those of p to v, in PyTorch's order. The first
// error ends it, with a part of the parameters set.
func (s *Set) Fill(values func(p *Param, v []float32) error) error {
	return s.fill(values, func(*Param) bool { return true })
}

// fill is Fill for some parameters: all or nothing of a folded layer. While the
// device prepares one, the next is read.
func (s *Set) fill(values func(p *Param, v []float32) error, which func(p *Param) bool) error {
	s.unfold()
	const ahead = 2
	ready, spare := make(chan *hostValues, ahead), make(chan *hostValues, ahead)
	defer close(spare)
	for range ahead {
		spare <- new(hostValues)
	}
	go func() {
		defer close(ready)
		for _, p := range s.Params {
			layer := s.absorbs[p]
			if !which(p) || layer != nil && p != layer.parts()[0] {
				continue
			}
			h := <-spare
			if h == nil {
				return
			}
			h.param, h.layer = p, layer
			h.err = h.read(values)
			ready <- h
		}
	}()
	for h := range ready {
		switch {
		case h.err != nil:
			return h.err
		case h.layer != nil:
			h.layer.prepare(s.dev, h.w, h.b)
		default:
			s.dev.Upload(h.param.Value, h.w)
		}
		spare <- h
	}
	return nil
}

// hostValues are a parameter, or a folded layer, on the way to the device.
type hostValues struct {
	param *Param
	layer folding // nil: the parameter alone
	w, b  []float32
	row   []float32
	err   error
}

// read takes the values in the order of the device.
func (h *hostValues) read(values func(p *Param, v []float32) error) error {
	p := h.param
	h.w = grown(h.w, p.Len())
	if err := values(p, h.w); err != nil {
		return err
	}
	if p.Layout == Depthwise {
		copy(h.w, p.ToDevice(h.w))
		return nil
	}
	if h.layer == nil {
		for o := range p.Shape[0] {
			h.reorder(o)
		}
		return nil
	}
	h.b = grown(h.b, p.Shape[0])
	clear(h.b)
	return h.layer.read(h, values)
}

// read folds the norm into the weights of h, whose channels it turns to the device's order.
func (c *ConvBN) read(h *hostValues, values func(p *Param, v []float32) error) error {
	if c.Conv.Bias != nil {
		if err := values(c.Conv.Bias, h.b); err != nil {
			return err
		}
	}
	var norm [4][]float32
	for i, q := range []*Param{c.Norm.Weight, c.Norm.Bias, c.Norm.Mean, c.Norm.Var} {
		norm[i] = make([]float32, len(h.b))
		if err := values(q, norm[i]); err != nil {
			return err
		}
	}
	for o := range h.b {
		scale := foldNorm(&h.b[o], norm[0][o], norm[1][o], norm[2][o], norm[3][o])
		scaleRow(h.reorder(o), scale)
	}
	return nil
}

// reorder turns output channel o of a convolution from [I,KH,KW] to [KH,KW,I] and returns it.
func (h *hostValues) reorder(o int) []float32 {
	p := h.param
	per := p.Len() / p.Shape[0]
	w := h.w[o*per:][:per]
	if p.Layout != Conv {
		return w
	}
	in, taps := p.Shape[1], p.Shape[2]*p.Shape[3]
	if taps == 1 {
		return w
	}
	h.row = grown(h.row, per)
	copy(h.row, w)
	for t := range taps {
		to := w[t*in:][:in]
		for i := range to {
			to[i] = h.row[i*taps+t]
		}
	}
	return w
}

// grown returns n elements, in the memory of v if it has room.
func grown(v []float32, n int) []float32 {
	if n <= cap(v) {
		return v[:n]
	}
	return make([]float32, n)
}
