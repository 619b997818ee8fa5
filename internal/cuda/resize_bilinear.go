//go:build cuda

package cuda

import "hdmnet/internal/op"

// ResizeBilinear mixes four input positions for every output position.
func (d *Device) ResizeBilinear(y, x op.Tensor, alignCorners bool) {
	s := op.CheckResizeBilinear(y, x)
	n, h, w, oh, ow, c := s.B, s.H, s.W, s.OutH, s.OutW, s.C
	if h == oh && w == ow {
		d.Copy(y, x)
		return
	}
	rows, cols := d.resizeAxes(h, w, oh, ow, alignCorners)
	four := quads(c, address(y), address(x))
	kernel := "resize_bilinear"
	if op.IsHalf(x) {
		kernel = "resize_bilinear_half"
	}
	d.launch(kernel, d.channelGrid(ow*c, oh, n, four), y, x, rows, cols, n, h, w, oh, ow, c, ow*c, four)
}

// ResizeBilinearGrad gathers along the rows, then along the columns, what the outputs that
// read a position send back.
func (d *Device) ResizeBilinearGrad(dx, dy op.Tensor, alignCorners bool) {
	s := op.CheckResizeBilinearGrad(dx, dy)
	n, h, w, oh, ow, c := s.B, s.H, s.W, s.OutH, s.OutW, s.C
	if h == oh && w == ow {
		d.AddScaled(dx, dy, 1)
		return
	}
	add := !d.fresh(dx)
	rows, cols := d.resizeAxes(h, w, oh, ow, alignCorners)
	between := d.scratch(n * h * ow * c) // [n, h, ow, c]
	defer d.freeScratch(between)
	gather := func(dx, dy, table pointer, outer, in, out, inner int, accumulate bool) {
		four := quads(inner, dx, dy)
		d.launch("resize_bilinear_gather", d.channelGrid(in*inner, outer, 1, four), dx, dy, table, outer, out, inner, in*inner, accumulate, four)
	}
	gather(between, address(dy), rows, n, h, oh, ow*c, false)
	gather(address(dx), between, cols, n*h, w, ow, c, add)
}

// resizeKey is what the tables of kernels/resize_bilinear.cu depend on.
type resizeKey struct {
	h, w, outH, outW int
	alignCorners     bool
	branch           op.Branch // that made the table, and may use it; 0: whoever asks
}

// mostAxes bounds the tables that are kept: pictures of all sizes may come.
const mostAxes = 64

// resizeAxes returns the tables of kernels/resize_bilinear.cu, which stay on the device.
func (d *Device) resizeAxes(h, w, oh, ow int, alignCorners bool) (rows, cols pointer) {
	key := resizeKey{h: h, w: w, outH: oh, outW: ow, alignCorners: alignCorners}
	rows, known := d.axes[key]
	if !known {
		key.branch = d.branches.at
		rows, known = d.axes[key]
	}
	if !known {
		if len(d.axes) >= mostAxes && key.branch == 0 {
			for k, p := range d.axes {
				d.freeScratch(p)
				delete(d.axes, k)
			}
		}
		rows = d.scratch(2*(oh+ow) + h + w + 2)
		d.axes[key] = rows
	}
	cols = offset(rows, 2*oh+h+1)
	if !known {
		d.launch("resize_axes", grid2(ceil(max(h+1, w+1, oh, ow), 256), 2, 256), rows, cols, h, w, oh, ow, alignCorners)
	}
	return rows, cols
}
