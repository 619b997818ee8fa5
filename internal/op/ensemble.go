package op

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
