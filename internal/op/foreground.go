package op

// Foreground turns labels (uint8: 0 background, 1 foreground, 255 ignored) into masks.
type Foreground interface {
	// Foreground computes y = 1 where label is 1, else 0; as many elements.
	Foreground(y, label Tensor)
	// MaskImage computes y[b,n,c] = x[b,n,c]·mask[b,n]; x [B,H,W,C]; mask [B,H,W].
	MaskImage(y, x, mask Tensor)
}
