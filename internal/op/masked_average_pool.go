package op

// MaskedAveragePool is the mean feature of the foreground, the prototype.
//
//	y[b,c] = Σ_n x[b,n,c]·m[b,n] / (Σ_n m[b,n] + 0.0005)
//
// x [B,H,W,C]; m [B,H,W], soft weights in [0,1]; y [B,C]. An empty mask gives 0.
// Section 3 of the paper; the release's Weighted_GAP.
type MaskedAveragePool interface {
	// MaskedAveragePool computes y.
	MaskedAveragePool(y, x, mask Tensor)
	// MaskedAveragePoolGrad adds dy·m/(Σm + 0.0005) to dx.
	MaskedAveragePoolGrad(dx, dy, mask Tensor)
}
