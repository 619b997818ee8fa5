//go:build cuda

package cuda

import "hdmnet/internal/op"

// crossEntropyBlocks is the most partial sums of a loss. It is no attribute of the GPU:
// the order of the sum must not depend on it.
const crossEntropyBlocks = 1024

// CrossEntropy implements op.CrossEntropy. Blocks sum their share of the pixels; one more
// adds those sums in float64. The CPU cannot look at the labels without waiting: one that
// is no class makes the loss and its row of the gradient NaN.
func (d *Device) CrossEntropy(loss, logits, label op.Tensor) {
	rows, c := op.CheckCrossEntropy(loss, logits, label)
	group := rowGroup(c)
	s := rowGrid(rows, group, crossEntropyBlocks)
	blocks := s.grid[0]
	partial := d.scratch(2 * blocks)
	defer d.freeScratch(partial)
	d.launch("cross_entropy", s, partial, logits, label, rows, c, group)
	d.launch("cross_entropy_end", columnBlock(1, 1), loss, partial, blocks)
}

// CrossEntropyGrad implements op.CrossEntropy.
func (d *Device) CrossEntropyGrad(dlogits, loss, logits, label op.Tensor, scale float32) {
	rows, c := op.CheckCrossEntropyGrad(dlogits, loss, logits, label)
	if dlogits == nil {
		return
	}
	group := rowGroup(c)
	d.launch("cross_entropy_grad", rowGrid(rows, group, d.sms*32), dlogits, loss, logits, label, scale, rows, c, group)
}
