package insid3

import "hdmnet/internal/foundation"

// features are those of a picture's n patches, row by row, each of length 1.
type features struct {
	plain    []float32 // [n,c] F
	debiased []float32 // [n,c] F'
}

// featuresOf are an encoder's features, with length 1, with and without what lies in the subspace of
// positions.
func featuresOf(p foundation.Product, raw, projector []float32, c int) *features {
	f := &features{plain: foundation.Normalized(raw, c), debiased: make([]float32, len(raw))}
	p.Times(f.plain, projector, c, func(first int, values []float32) { copy(f.debiased[first*c:], values) })
	f.debiased = foundation.Normalized(f.debiased, c)
	return f
}
