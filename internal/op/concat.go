package op

// Concat joins tensors along the channels, y[b,n,:] = (x_0[b,n,:], x_1[b,n,:], …).
//
// y [B,...,ΣC_i]. A part is [B,...,C_i], or [B,C_i], which is repeated at every
// position (a prototype beside a map). PyTorch: torch.cat(…, 1) of NCHW maps, with
// expand for the repeated parts.
type Concat interface {
	// Concat computes y.
	Concat(y Tensor, parts ...Tensor)
	// ConcatGrad adds to every part's gradient (nil: skipped) its channels of dy; a
	// repeated part sums over the positions. sizes holds every part's C_i.
	ConcatGrad(dparts []Tensor, dy Tensor, sizes []int)
}
