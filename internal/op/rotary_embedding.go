package op

import "fmt"

// RotaryEmbedding tells attention where its tokens are: the channels of every head are turned
// in pairs, i and i + d/2, by angles of the token's position. For 0 ≤ i < d/2
//
//	x_i       ← x_i·cos_i − x_{i+d/2}·sin_i
//	x_{i+d/2} ← x_{i+d/2}·cos_i + x_i·sin_i
//
// x [B,N,C] in heads of d = C/heads channels, an even number; cos, sin [P,d/2] of the last P
// tokens; those before, which have no position, stay as they are. It has no gradient: encoders
// that have it are not trained. RoPE with rotate-half, arXiv 2104.09864 and DINOv3.
type RotaryEmbedding interface {
	// RotaryEmbedding changes x.
	RotaryEmbedding(x, cos, sin Tensor, heads int)
}

// RotarySizes are the extents of x [B,N,C], in Heads of 2·Half channels, whose last Turned
// tokens have positions.
type RotarySizes struct{ B, N, C, Heads, Half, Turned int }

// CheckRotaryEmbedding panics unless the operands fit the contract.
func CheckRotaryEmbedding(x, cos, sin Tensor, heads int) RotarySizes {
	const name = "RotaryEmbedding"
	s := ranked(name, "x", x, 3, "[B,N,C]")
	if heads < 1 || s[2]%(2*heads) != 0 {
		panic(fmt.Sprintf("op: %s: x has shape %v, whose channels do not make %d heads of pairs", name, s, heads))
	}
	half := s[2] / heads / 2
	shaped(name, "cos", cos, -1, half)
	turned := cos.Shape()[0]
	if turned > s[1] {
		panic(fmt.Sprintf("op: %s: cos has shape %v, more positions than the %d tokens of x", name, cos.Shape(), s[1]))
	}
	shaped(name, "sin", sin, turned, half)
	return RotarySizes{B: s[0], N: s[1], C: s[2], Heads: heads, Half: half, Turned: turned}
}
