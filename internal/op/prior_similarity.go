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
	// PriorSimilarity computes y; q and s may both hold halves.
	PriorSimilarity(y, q, s, mask Tensor)
}

// priorSizes are the extents of PriorSimilarity: N query positions, and of each of K shots
// M, with C channels.
type priorSizes struct{ B, K, N, M, C int }

// CheckPriorSimilarity panics unless the operands fit the contract.
func CheckPriorSimilarity(y, q, s, mask Tensor) priorSizes {
	const name = "PriorSimilarity"
	qs := frozenMap(name, "q", q, "[B,H,W,C]")
	frozenShaped(name, "s", s, qs[0], -1, -1, -1, qs[3])
	alike(name, "s", s, "q", q)
	ss := s.Shape()
	shaped(name, "y", y, qs[:3]...)
	shaped(name, "mask", mask, ss[:4]...)
	return priorSizes{B: qs[0], K: ss[1], N: qs[1] * qs[2], M: ss[2] * ss[3], C: qs[3]}
}
