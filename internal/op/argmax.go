package op

// Argmax is the index of the largest channel, the first one on a tie.
type Argmax interface {
	// Argmax computes y (uint8 [B,H,W]) from logits [B,H,W,C], C ≤ 255.
	Argmax(y, logits Tensor)
}
