package op

import "gorgonia.org/tensor"

// Ensemble merges the meta learner with the base learner (BAM, section 3.4 there).
//
//	fg  = gw0·meta_fg + gw1·psi     bg' = gw0·meta_bg + gw1·psi
//	bg  = cw0·bg' + cw1·base        y   = (bg, fg)
//
// meta [B,H,W,2] probabilities (background, foreground); base [B,H,W]; psi [B];
// gramMerge gw, clsMerge cw [2]; y [B,H,W,2].
type Ensemble interface {
	// BaseForeground computes y[b,h,w] = Σ of prob[b,h,w,c] over c but 0 and, when except
	// (int32 [B]) is not nil, but except[b]; prob [B,H,W,C].
	BaseForeground(y, prob, except Tensor)
	// Ensemble computes y.
	Ensemble(y, meta, base, psi, gramMerge, clsMerge Tensor)
	// EnsembleGrad adds the gradients of meta, psi and both weights (each may be nil);
	// base has none.
	EnsembleGrad(dmeta, dpsi, dgramMerge, dclsMerge, dy, meta, base, psi, gramMerge, clsMerge Tensor)
}

// CheckBaseForeground panics unless the operands fit the contract. It returns B, the
// positions of a sample and the classes.
func CheckBaseForeground(y, prob, except Tensor) (batch, n, classes int) {
	const name = "BaseForeground"
	s := ranked(name, "prob", prob, 4, "[B,H,W,C]")
	shaped(name, "y", y, s[:3]...)
	if except != nil {
		shapedOf(tensor.Int32, name, "except", except, s[0])
	}
	return s[0], s[1] * s[2], s[3]
}

// CheckEnsemble panics unless the operands fit the contract. It returns B and the positions
// of a sample.
func CheckEnsemble(y, meta, base, psi, gramMerge, clsMerge Tensor) (batch, n int) {
	return checkEnsemble("Ensemble", "y", y, meta, base, psi, gramMerge, clsMerge)
}

// CheckEnsembleGrad is CheckEnsemble for the gradients.
func CheckEnsembleGrad(dmeta, dpsi, dgramMerge, dclsMerge, dy, meta, base, psi, gramMerge, clsMerge Tensor) (batch, n int) {
	const name = "EnsembleGrad"
	batch, n = checkEnsemble(name, "dy", dy, meta, base, psi, gramMerge, clsMerge)
	sizedOrNil(name, "dmeta", dmeta, Len(meta))
	sizedOrNil(name, "dpsi", dpsi, batch)
	sizedOrNil(name, "dgramMerge", dgramMerge, 2)
	sizedOrNil(name, "dclsMerge", dclsMerge, 2)
	return batch, n
}

func checkEnsemble(operator, y string, yt, meta, base, psi, gramMerge, clsMerge Tensor) (batch, n int) {
	s := ranked(operator, "base", base, 3, "[B,H,W]")
	shaped(operator, "meta", meta, s[0], s[1], s[2], 2)
	shaped(operator, y, yt, s[0], s[1], s[2], 2)
	shaped(operator, "psi", psi, s[0])
	sized(operator, "gramMerge", gramMerge, 2)
	sized(operator, "clsMerge", clsMerge, 2)
	return s[0], s[1] * s[2]
}
