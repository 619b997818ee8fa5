//go:build cuda

package cuda

// The kernels of kernels/tensor_product.cuh walk along sums in steps of tensorStep terms,
// which is what channels are rounded up to in weights for them, through tensorStages
// stages in shared memory.
const (
	tensorStep    = 16
	tensorStages  = 4
	tensorThreads = 128
)

// bytesOfWeight is the size of a rounded weight.
func (p precision) bytesOfWeight() int {
	if p == bf16 {
		return 2
	}
	return 4
}

// roundedFloats is how many float32s hold rows of ci weights rounded for tensor cores.
func (p precision) roundedFloats(rows, ci int) int {
	return rows * ceil(ci, tensorStep) * tensorStep * p.bytesOfWeight() / 4
}

// roundWeights rounds weights [rows, ci] for tensorConv in p.
func (d *Device) roundWeights(p precision, to, from pointer, rows, ci int) {
	d.launch("round_weights_"+p.String(), d.perElement(p.roundedFloats(rows, ci)),
		to, from, rows, ci, ceil(ci, tensorStep)*tensorStep)
}

// tensorConv queues a convolution on tensor cores with weights g.b that are rounded to p.
func (d *Device) tensorConv(p precision, g convArgs) {
	own := func(g convArgs) { d.ownTensorConv(p, g) }
	if !d.tensorConvByLibrary(p, g, ceil(int(g.ci), tensorStep)*tensorStep, own) {
		own(g)
	}
}

// ownTensorConv is tensorConv by kernels/tensor_conv.cu.
func (d *Device) ownTensorConv(p precision, g convArgs) {
	tile, blocks := chooseTile(g.positions(), int(g.co), g.ci%4 == 0 && g.co%2 == 0 && aligned16(g.out, g.a, g.residual))
	d.launchTensorConv("conv2d_"+p.String()+tile.name, tile, blocks, p.bytesOfWeight(), g)
}

func (d *Device) launchTensorConv(kernel string, tile productTile, blocks, bytesOfWeight int, g convArgs) {
	kernel, threads, shared := d.staged(kernel, tensorStep*(tile.rows*4+tile.columns*bytesOfWeight))
	s := grid1(blocks, threads)
	s.shared = shared
	d.launch(kernel, s, &g)
}

// staged returns the kernel to take, its threads, and its dynamic shared memory, for stages of
// bytes each. GPUs with 100 KiB of it on a multiprocessor (RTX 30, 40, 50) have room for two blocks
// of four stages of 12 KiB, or of three of 16; kernels with stages in between come with three too
// (_fewer). The results are the same.
func (d *Device) staged(kernel string, bytes int) (name string, threads, shared int) {
	const fewer = tensorStages - 1
	if d.kernels[kernel+"_fewer"] != nil && !d.holdsTwo(tensorStages*bytes) && d.holdsTwo(fewer*bytes) {
		return kernel + "_fewer", tensorThreads, fewer * bytes
	}
	return kernel, tensorThreads, tensorStages * bytes
}

// holdsTwo tells whether a multiprocessor has shared memory for two blocks of bytes.
func (d *Device) holdsTwo(bytes int) bool { return 2*(bytes+d.sharedReserved) <= d.sharedMemory }

// roundedConv queues a convolution on tensor cores with weights g.b in float32. In tf32 they
// are rounded when they are read, in bf16 before.
func (d *Device) roundedConv(p precision, g convArgs) {
	if p == tf32 {
		if !d.tensorConvByLibrary(p, g, int(g.ci), d.ownRawConv) {
			d.ownRawConv(g)
		}
		return
	}
	rows, ci := int(g.co)*int(g.kh)*int(g.kw), int(g.ci)
	rounded := d.scratch(p.roundedFloats(rows, ci))
	defer d.freeScratch(rounded)
	d.roundWeights(p, rounded, g.b, rows, ci)
	g.b = rounded
	d.tensorConv(p, g)
}

func (d *Device) ownRawConv(g convArgs) {
	tile, blocks := chooseTile(g.positions(), int(g.co), g.ci%4 == 0 && g.co%2 == 0 && aligned16(g.out, g.a, g.b, g.residual))
	d.launchTensorConv("conv2d_tf32_raw"+tile.name, tile, blocks, 4, g)
}
