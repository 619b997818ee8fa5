package op

import (
	"fmt"

	"gorgonia.org/tensor"
)

// SelfAttention is softmax attention in heads of d = C/heads channels.
//
//	s_ij = q_i·k_j/(√d + 1e-9)    a_ij = exp(s_ij)/Σ_j' exp(s_ij')    y_i = Σ_j a_ij v_j
//
// q, y [B,N,C]; k, v [B,M,C]; lse [B,heads,N] = log Σ_j exp(s_ij) is saved for the
// gradient (nil when none is wanted). The N×M scores exist in tiles only.
// PyTorch: the attention of the release's MultiHeadAttention before its output
// projection. Section 3.2 of the paper.
type SelfAttention interface {
	// SelfAttention computes y and lse. y may hold halves, rounded, where the device's frozen
	// convolutions read them (FrozenConv.ReadsHalves) and D is even.
	SelfAttention(y, lse, q, k, v Tensor, heads int)
	// SelfAttentionGrad adds the gradients of q, k and v.
	SelfAttentionGrad(dq, dk, dv, dy, y, lse, q, k, v Tensor, heads int)
}

// AttentionSizes are the extents of an attention: N queries and M keys of C channels, in
// Heads of D = C/Heads.
type AttentionSizes struct{ B, N, M, C, Heads, D int }

// CheckSelfAttention panics unless the operands fit the contract, y in halves only where the
// device can.
func CheckSelfAttention(y, lse, q, k, v Tensor, heads int, halves bool) AttentionSizes {
	const name = "SelfAttention"
	s := checkAttention(name, q, k, v, heads)
	dt := tensor.Float32
	if halves && IsHalf(y) && s.D%2 == 0 {
		dt = Half
	}
	shapedOf(dt, name, "y", y, s.B, s.N, s.C)
	shapedOrNil(name, "lse", lse, s.B, heads, s.N)
	return s
}

// CheckSelfAttentionGrad is CheckSelfAttention for the gradients.
func CheckSelfAttentionGrad(dq, dk, dv, dy, y, lse, q, k, v Tensor, heads int) AttentionSizes {
	const name = "SelfAttentionGrad"
	s := checkAttention(name, q, k, v, heads)
	shapedOrNil(name, "dq", dq, s.B, s.N, s.C)
	shapedOrNil(name, "dk", dk, s.B, s.M, s.C)
	shapedOrNil(name, "dv", dv, s.B, s.M, s.C)
	shaped(name, "dy", dy, s.B, s.N, s.C)
	shaped(name, "y", y, s.B, s.N, s.C)
	shaped(name, "lse", lse, s.B, heads, s.N)
	return s
}

// checkAttention panics unless keys and values fit the queries, and the heads the channels.
func checkAttention(operator string, q, k, v Tensor, heads int) AttentionSizes {
	s := ranked(operator, "q", q, 3, "[B,N,C]")
	if heads < 1 || s[2]%heads != 0 {
		panic(fmt.Sprintf("op: %s: q has shape %v, whose channels do not make %d heads", operator, s, heads))
	}
	shaped(operator, "k", k, s[0], -1, s[2])
	m := k.Shape()[1]
	shaped(operator, "v", v, s[0], m, s[2])
	return AttentionSizes{B: s[0], N: s[1], M: m, C: s[2], Heads: heads, D: s[2] / heads}
}
