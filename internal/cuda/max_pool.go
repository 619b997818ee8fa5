//go:build cuda

package cuda

import (
	"fmt"

	"hdmnet/internal/op"
)

// MaxPool computes the maximum of every window and where it is.
func (d *Device) MaxPool(y, argmax, x op.Tensor, p op.PoolParams) {
	s := x.Shape()
	b, h, w, c := s[0], s[1], s[2], s[3]
	ho, wo := p.Out(h), p.Out(w)
	if p.Kernel < 1 || p.Stride < 1 || p.Pad < 0 || 2*p.Pad > p.Kernel {
		panic(fmt.Sprintf("op: MaxPool: %+v: want a kernel and a stride of at least 1 and at most half a kernel of padding", p))
	}
	op.Shape("MaxPool", "y", y, b, ho, wo, c)
	op.Shape("MaxPool", "argmax", argmax, b, ho, wo, c)
	four := quads(c, address(y), address(x), address(argmax))
	d.launch("max_pool", d.channelGrid(c, b*ho*wo, 1, four), y, argmax, x, b, h, w, ho, wo, c, p.Kernel, p.Stride, p.Pad, four)
}

// MaxPoolGrad adds dy to dx at the winners.
func (d *Device) MaxPoolGrad(dx, dy, argmax op.Tensor) {
	op.SameSize("MaxPoolGrad", dy, argmax)
	s, out := dx.Shape(), dy.Shape()
	b, h, w, c := s[0], s[1], s[2], s[3]
	op.Shape("MaxPoolGrad", "dy", dy, b, -1, -1, c)
	ho, wo := out[1], out[2]
	readers := d.scratch(2 * (h + w))
	defer d.freeScratch(readers)
	d.zero(readers, int64(2*(h+w))*4)
	d.launch("max_pool_readers", grid1(ceil(b*ho*wo, 8), 256), readers, argmax, b, h, w, ho, wo, c)
	four := quads(c, address(dx), address(dy), address(argmax))
	d.launch("max_pool_grad", d.channelGrid(c, b*h*w, 1, four), dx, dy, argmax, readers, b, h, w, ho, wo, c, four)
}
