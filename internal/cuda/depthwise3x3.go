//go:build cuda

package cuda

import "hdmnet/internal/op"

// depthwiseStrip is how many neighboring positions a thread of depthwise3x3.cu computes.
const depthwiseStrip = 8

// Depthwise3x3 convolves every channel by itself.
func (d *Device) Depthwise3x3(y, x, w, bias op.Tensor) {
	op.CheckDepthwise3x3(y, x, w, bias)
	s, wide := depthwiseSize(x, address(y), address(x), address(w), address(bias))
	sh := x.Shape()
	d.launch("depthwise3x3", s, y, x, w, bias, sh[0], sh[1], sh[2], sh[3], wide)
}

// Depthwise3x3Grad adds the gradients of x, w and bias.
func (d *Device) Depthwise3x3Grad(dx, dw, db, dy, x, w op.Tensor) {
	op.CheckDepthwise3x3Grad(dx, dw, db, dy, x, w)
	d.depthwiseGrad(dx, dw, db, dy, x, w, dx != nil && !d.fresh(dx))
}

// depthwiseGrad is Depthwise3x3Grad with dx added to or overwritten.
func (d *Device) depthwiseGrad(dx, dw, db, dy, x, w op.Tensor, add bool) {
	sh := x.Shape()
	if dx != nil {
		s, wide := depthwiseSize(x, address(dx), address(dy), address(w))
		d.launch("depthwise3x3_grad_input", s, dx, dy, w, sh[0], sh[1], sh[2], sh[3], wide, add)
	}
	if dw == nil && db == nil {
		return
	}
	c, lines := sh[3], sh[0]*sh[1]
	count := max(1, min(256, ceil(lines, 8))) // of the shape alone, as the order of the sums
	chunkLines := ceil(lines, count)
	count = ceil(lines, chunkLines)
	partial := d.scratch(count * 10 * c)
	defer d.freeScratch(partial)
	ofBias := offset(partial, count*9*c)
	s := grid2(ceil(c, 32), count, 32)
	s.block[1] = 8
	d.launch("depthwise3x3_grad_params", s, partial, ofBias, dy, x, lines, sh[1], sh[2], c, chunkLines)
	if dw != nil {
		d.addPartials(address(dw), partial, count, 9*c)
	}
	if db != nil {
		d.addPartials(address(db), ofBias, count, c)
	}
}

// depthwiseSize is the launch for maps of x's shape, and whether it reads four channels at
// a time.
func depthwiseSize(x op.Tensor, operands ...pointer) (s size, wide bool) {
	sh := x.Shape()
	c := sh[3]
	if wide = quads(c, operands...); wide {
		c /= 4
	}
	return grid1(ceil(sh[0]*sh[1]*ceil(sh[2], depthwiseStrip)*c, 128), 128), wide
}
