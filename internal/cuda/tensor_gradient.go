//go:build cuda

package cuda

// gradientKernel returns the kernel name<tile> in a precision, its threads and its bytes of
// dynamic shared memory: those of kernels/tensor_gradient.cu on tensor cores. alongSum tells
// that A lies along the sum; otherwise it lies across it, as B does always.
func (d *Device) gradientKernel(p precision, name string, alongSum bool, tile productTile) (kernel string, threads, shared int) {
	if p == fp32 {
		return name + tile.name, 256, 0
	}
	across := func(extent int) int { return tensorStep * (extent + 8) } // floats of a panel
	a := across(tile.rows)
	if alongSum {
		a = tile.rows * (tensorStep + 4)
	}
	return d.staged(name+"_"+p.String()+tile.name, (a+across(tile.columns))*4)
}
