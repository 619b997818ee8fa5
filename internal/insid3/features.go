package insid3

// features are those of a picture's h×w patches, row by row, each of length 1.
type features struct {
	h, w, c  int
	plain    []float32 // [h·w,c] F
	debiased []float32 // [h·w,c] F'
}

// debiased are features, with length 1, with and without what lies in the subspace of positions.
func debiased(p product, plain, projector []float32, h, w int) *features {
	c := len(plain) / (h * w)
	f := &features{h: h, w: w, c: c, plain: plain, debiased: make([]float32, len(plain))}
	p.times(plain, projector, c, func(first int, values []float32) { copy(f.debiased[first*c:], values) })
	normalize(f.debiased, c)
	return f
}
