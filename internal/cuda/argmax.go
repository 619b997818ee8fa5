//go:build cuda

package cuda

import (
	"fmt"

	"hdmnet/internal/op"
)

// Argmax writes the index of every position's largest channel.
func (d *Device) Argmax(y, logits op.Tensor) {
	rows, c := matrixRows(logits)
	if c > op.Ignore {
		panic(fmt.Sprintf("op: Argmax: %d channels, at most %d", c, op.Ignore))
	}
	checkRows("Argmax", y, rows)
	group := rowGroup(c)
	d.launch("argmax", rowGrid(rows, group, d.sms*32), y, logits, rows, c, group)
}
