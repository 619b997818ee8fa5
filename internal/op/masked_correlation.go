package op

// MaskedCorrelation matches query positions with the foreground of the supports: the
// paper's matching module (section 3.3), with inverse softmax.
//
//	s_ij = cos(q_i, k_j)/0.1 per head of d = C/heads channels (norms at least 1e-12)
//	a_ij = m_j · exp(s_ij)/Σ_i' exp(s_i'j)      softmax over the QUERY axis, not renormalized
//	y_i  = Σ_j a_ij v_j
//	c_i  = mean over heads of Σ_j m_j s_ij / (Σ_j m_j + 1e-9)
//
// q, y [B,N,C]; k, v [B,M,C] with M all supports' positions; mask [B,M], 0 or 1;
// corr [B,N] holds c; colSum [B,heads,M] holds Σ_i exp(s_ij), saved for the gradient
// (entries of masked-out positions are undefined). No foreground gives y = 0, c = 0
// and no gradient. The N×M scores exist in tiles only.
type MaskedCorrelation interface {
	// MaskedCorrelation computes y, corr and colSum.
	MaskedCorrelation(y, corr, colSum, q, k, v, mask Tensor, heads int)
	// MaskedCorrelationGrad adds the gradients of q, k and v from dy and dcorr (either
	// may be nil: zero).
	MaskedCorrelationGrad(dq, dk, dv, dy, dcorr, colSum, q, k, v, mask Tensor, heads int)
}

// CheckMaskedCorrelation panics unless the operands fit the contract.
func CheckMaskedCorrelation(y, corr, colSum, q, k, v, mask Tensor, heads int) AttentionSizes {
	const name = "MaskedCorrelation"
	s := checkAttention(name, q, k, v, heads)
	shaped(name, "y", y, s.B, s.N, s.C)
	shaped(name, "corr", corr, s.B, s.N)
	shaped(name, "colSum", colSum, s.B, heads, s.M)
	shaped(name, "mask", mask, s.B, s.M)
	return s
}

// CheckMaskedCorrelationGrad is CheckMaskedCorrelation for the gradients.
func CheckMaskedCorrelationGrad(dq, dk, dv, dy, dcorr, colSum, q, k, v, mask Tensor, heads int) AttentionSizes {
	const name = "MaskedCorrelationGrad"
	s := checkAttention(name, q, k, v, heads)
	shapedOrNil(name, "dq", dq, s.B, s.N, s.C)
	shapedOrNil(name, "dk", dk, s.B, s.M, s.C)
	shapedOrNil(name, "dv", dv, s.B, s.M, s.C)
	shapedOrNil(name, "dy", dy, s.B, s.N, s.C)
	shapedOrNil(name, "dcorr", dcorr, s.B, s.N)
	shaped(name, "colSum", colSum, s.B, heads, s.M)
	shaped(name, "mask", mask, s.B, s.M)
	return s
}
