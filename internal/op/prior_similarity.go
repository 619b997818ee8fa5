package op

// PriorSimilarity is the training-free prior: the best cosine of a query position with
// the masked support, averaged over the shots.
//
//	y[b,n] = mean_k max_m  (q_n · s_m·mask_m)/(|q_n|·|s_m·mask_m| + 1e-7)
//
// q [B,H,W,C]; s [B,K,h,w,C]; mask [B,K,h,w], 0 or 1; y [B,H,W]. Masked-out positions
// take part with exactly 0. It has no gradient: the features are frozen.
// Section 3.4 of the paper (prior mask of PFENet).
type PriorSimilarity interface {
	// PriorSimilarity computes y.
	PriorSimilarity(y, q, s, mask Tensor)
}
