//go:build cuda

package cuda

import "hdmnet/internal/op"

// RotaryEmbedding turns the pairs of channels of the tokens that have a position.
func (d *Device) RotaryEmbedding(x, cos, sin op.Tensor, heads int) {
	s := op.CheckRotaryEmbedding(x, cos, sin, heads)
	n := s.B * s.Turned * s.Heads * s.Half
	d.launch("rotary_embedding", d.perElement(n), x, cos, sin, n, s.N, s.Heads, s.Half, s.Turned)
}
