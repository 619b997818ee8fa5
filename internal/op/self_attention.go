package op

// SelfAttention is softmax attention in heads of d = C/heads channels.
//
//	s_ij = q_i·k_j/(√d + 1e-9)    a_ij = exp(s_ij)/Σ_j' exp(s_ij')    y_i = Σ_j a_ij v_j
//
// q, y [B,N,C]; k, v [B,M,C]; lse [B,heads,N] = log Σ_j exp(s_ij) is saved for the
// gradient (nil when none is wanted). The N×M scores exist in tiles only.
// PyTorch: the attention of the release's MultiHeadAttention before its output
// projection. Section 3.2 of the paper.
type SelfAttention interface {
	// SelfAttention computes y and lse.
	SelfAttention(y, lse, q, k, v Tensor, heads int)
	// SelfAttentionGrad adds the gradients of q, k and v.
	SelfAttentionGrad(dq, dk, dv, dy, y, lse, q, k, v Tensor, heads int)
}
