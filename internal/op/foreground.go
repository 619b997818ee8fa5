package op

import "gorgonia.org/tensor"

// Foreground turns labels (uint8: 0 background, 1 foreground, 255 ignored) into masks.
type Foreground interface {
	// Foreground computes y = 1 where label is 1, else 0; as many elements.
	Foreground(y, label Tensor)
	// Background computes y = 1 where label is 0, else 0: ignored pixels are in neither.
	Background(y, label Tensor)
	// MaskImage computes y[b,n,c] = x[b,n,c]·mask[b,n]; x [B,H,W,C]; mask [B,H,W].
	MaskImage(y, x, mask Tensor)
}

// CheckForeground panics unless the operands fit the contract. It returns their elements.
func CheckForeground(y, label Tensor) int {
	return labeled("Foreground", y, label)
}

// CheckBackground panics unless the operands fit the contract. It returns their elements.
func CheckBackground(y, label Tensor) int {
	return labeled("Background", y, label)
}

// CheckMaskImage panics unless the operands fit the contract. It returns the positions and
// C.
func CheckMaskImage(y, x, mask Tensor) (rows, c int) {
	const name = "MaskImage"
	rows, c = rowsOf(name, "x", x)
	sized(name, "y", y, rows*c)
	sized(name, "mask", mask, rows)
	return rows, c
}

// labeled returns the number of elements of y and of its labels, and panics unless they
// have as many.
func labeled(operator string, y, label Tensor) int {
	present(operator, "y", y, tensor.Float32)
	sizedOf(tensor.Uint8, operator, "label", label, Len(y))
	return Len(y)
}
