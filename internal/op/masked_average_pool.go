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

// CheckMaskedAveragePool panics unless the operands fit the contract. It returns B, the
// positions of a sample and C.
func CheckMaskedAveragePool(y, x, mask Tensor) (batch, n, c int) {
	return checkMaskedPool("MaskedAveragePool", "y", y, "x", x, mask)
}

// CheckMaskedAveragePoolGrad is CheckMaskedAveragePool for the gradient.
func CheckMaskedAveragePoolGrad(dx, dy, mask Tensor) (batch, n, c int) {
	return checkMaskedPool("MaskedAveragePoolGrad", "dy", dy, "dx", dx, mask)
}

func checkMaskedPool(operator, y string, yt Tensor, x string, xt, mask Tensor) (batch, n, c int) {
	rows, c := rowsOf(operator, x, xt)
	batch = xt.Shape()[0]
	shaped(operator, y, yt, batch, c)
	sized(operator, "mask", mask, rows)
	return batch, rows / batch, c
}
