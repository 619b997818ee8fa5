package op

// Gram is the matrix of cosines between channels, over positions.
//
//	g[b,c,c'] = Σ_n x[b,n,c]·x[b,n,c'] / (|x_c|·|x_c'| + 1e-7)
//
// x [B,N,C] or [B,H,W,C]; g [B,C,C]. It has no gradient: the features are frozen.
type Gram interface {
	// Gram computes g.
	Gram(g, x Tensor)
	// GramDistance computes d[b,k] = ‖gq_b − gs_bk‖_F / C, the difference in scene style;
	// gq [B,C,C]; gs [B,K,C,C]; d [B,K].
	GramDistance(d, gq, gs Tensor)
}
