package op

import (
	"fmt"

	"gorgonia.org/tensor"

	"hdmnet/internal/labelmap"
)

// Argmax is the index of the largest channel, the first one on a tie.
type Argmax interface {
	// Argmax computes y (uint8 [B,H,W]) from logits [B,H,W,C], C ≤ 255.
	Argmax(y, logits Tensor)
}

// CheckArgmax panics unless the operands fit the contract. It returns the positions and C.
func CheckArgmax(y, logits Tensor) (rows, c int) {
	const name = "Argmax"
	rows, c = rowsOf(name, "logits", logits)
	if c > labelmap.Ignore {
		panic(fmt.Sprintf("op: %s: logits has shape %v, want at most %d channels", name, logits.Shape(), labelmap.Ignore))
	}
	sizedOf(tensor.Uint8, name, "y", y, rows)
	return rows, c
}
