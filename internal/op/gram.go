package op

import "fmt"

// Gram is the matrix of cosines between channels, over positions.
//
//	g[b,c,c'] = Σ_n x[b,n,c]·x[b,n,c'] / (|x_c|·|x_c'| + 1e-7)
//
// x [B,N,C] or [B,H,W,C]; g [B,C,C]. It has no gradient: the features are frozen.
type Gram interface {
	// Gram computes g; x may hold halves.
	Gram(g, x Tensor)
	// GramDistance computes d[b,k] = ‖gq_b − gs_bk‖_F / C, the difference in scene style;
	// gq [B,C,C]; gs [B,K,C,C]; d [B,K].
	GramDistance(d, gq, gs Tensor)
}

// CheckGram panics unless the operands fit the contract. It returns B, the positions of a
// sample and C.
func CheckGram(g, x Tensor) (batch, n, c int) {
	const name = "Gram"
	frozenPresent(name, "x", x)
	s := x.Shape()
	if len(s) != 3 && len(s) != 4 {
		panic(fmt.Sprintf("op: %s: x has shape %v, want [B,N,C] or [B,H,W,C]", name, s))
	}
	batch, c = s[0], Last(x)
	shaped(name, "g", g, batch, c, c)
	return batch, Len(x) / (batch * c), c
}

// CheckGramDistance panics unless the operands fit the contract. It returns B, K and C.
func CheckGramDistance(d, gq, gs Tensor) (batch, shots, c int) {
	const name = "GramDistance"
	s := ranked(name, "gs", gs, 4, "[B,K,C,C]")
	batch, shots, c = s[0], s[1], s[2]
	shaped(name, "gs", gs, batch, shots, c, c)
	shaped(name, "gq", gq, batch, c, c)
	shaped(name, "d", d, batch, shots)
	return batch, shots, c
}
