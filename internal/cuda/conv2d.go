//go:build cuda

package cuda

import (
	"fmt"
	"math"

	"hdmnet/internal/op"
)

// convArgs is ConvArgs of kernels/conv.cuh.
type convArgs struct {
	out, a, b, bias, residual            pointer
	batch, h, w, ci, ho, wo, co          int32
	kh, kw, stride, pad, dilation        int32
	relu, accumulate, dk, splitPositions int32
	sums                                 pointer
}

// newConvArgs returns the geometry of a convolution of x [B,H,W,Ci] with weights of shape
// [Co,KH,KW,Ci].
func newConvArgs(x, weights []int, p op.ConvParams) convArgs {
	g := convArgs{
		batch: int32(x[0]), h: int32(x[1]), w: int32(x[2]), ci: int32(x[3]),
		co: int32(weights[0]), kh: int32(weights[1]), kw: int32(weights[2]),
		ho: int32(p.Out(x[1], weights[1])), wo: int32(p.Out(x[2], weights[2])),
		stride: int32(p.Stride), pad: int32(p.Pad), dilation: int32(p.Dilation),
	}
	if n := x[0] * max(x[1]*x[2], int(g.ho)*int(g.wo)); n > math.MaxInt32 {
		panic(fmt.Sprintf("cuda: a convolution of x %v has %d positions, more than 2³¹: use a smaller batch", x, n))
	}
	return g
}

func (g *convArgs) inputs() int    { return int(g.batch) * int(g.h) * int(g.w) }
func (g *convArgs) positions() int { return int(g.batch) * int(g.ho) * int(g.wo) }
func (g *convArgs) terms() int     { return int(g.kh) * int(g.kw) * int(g.ci) }

// layerPrecision is the precision of the convolution and its gradients.
func (d *Device) layerPrecision(g *convArgs) precision {
	return d.precision.layer(int(g.kh*g.kw), int(g.ci), int(g.co))
}

// pointwise tells that every position of y reads the position of x of the same number: the
// convolution is a plain product.
func (g *convArgs) pointwise() bool {
	return g.kh == 1 && g.kw == 1 && g.stride == 1 && g.pad == 0
}

// Conv2D computes y = ReLU(conv(x, w) + bias + residual).
func (d *Device) Conv2D(y, x, w, bias, residual op.Tensor, p op.ConvParams) {
	op.CheckConv2D(y, x, w, bias, residual, p)
	g := newConvArgs(x.Shape(), w.Shape(), p)
	g.out, g.a, g.b, g.bias, g.residual = address(y), address(x), address(w), address(bias), address(residual)
	if p.ReLU {
		g.relu = 1
	}
	if products := d.layerPrecision(&g); products == fp32 {
		d.convForward(g)
	} else {
		d.roundedConv(products, g)
	}
}

// convForward queues the convolution in float32.
func (d *Device) convForward(g convArgs) {
	if g.pointwise() {
		d.gemm("nt", gemmArgs{
			c: g.out, a: g.a, b: g.b, bias: g.bias, residual: g.residual, relu: g.relu,
			m: g.positions(), n: int(g.co), k: int(g.ci), lda: int(g.ci), ldb: int(g.ci), ldc: int(g.co),
		})
		return
	}
	if !d.convByLibrary(fp32, g, int(g.ci), d.ownConvForward) {
		d.ownConvForward(g)
	}
}

func (d *Device) ownConvForward(g convArgs) {
	tile, blocks := chooseTile(g.positions(), int(g.co), g.ci%4 == 0 && aligned16(g.a, g.b))
	d.launch("conv2d"+tile.name, grid1(blocks, 256), &g)
}

// Conv2DGradInput adds the transposed convolution of dy to dx.
func (d *Device) Conv2DGradInput(dx, dy, w op.Tensor, p op.ConvParams) {
	op.CheckConv2DGradInput(dx, dy, w, p)
	g := newConvArgs(dx.Shape(), w.Shape(), p)
	g.out, g.a, g.b = address(dx), address(dy), address(w)
	ci, co, products := int(g.ci), int(g.co), d.layerPrecision(&g)
	if g.pointwise() {
		d.gemmIn(products, "nn", gemmArgs{
			c: g.out, a: g.a, b: g.b, m: g.inputs(), n: ci, k: co, lda: co, ldb: ci, ldc: ci, accumulate: d.accumulates(dx),
		})
		return
	}
	own := func(g convArgs) { d.ownConvGradInput(products, g) }
	if !d.convGradInputByLibrary(products, g, own) {
		own(g)
	}
}

func (d *Device) ownConvGradInput(p precision, g convArgs) {
	stride, ci, co := int(g.stride), int(g.ci), int(g.co)
	g.dk = int32(stride / gcd(stride, int(g.dilation)))
	phase := int(g.batch) * ceil(int(g.h), stride) * ceil(int(g.w), stride)
	tile, blocks := chooseTile(phase, ci, co%4 == 0 && ci%4 == 0 && aligned16(g.out, g.a, g.b))
	kernel, threads, shared := d.gradientKernel(p, "conv2d_grad_input", true, tile)
	s := grid2(blocks, stride*stride, threads)
	s.shared = shared
	d.launch(kernel, s, &g)
}

// Conv2DGradWeight adds Σ dy·x to dw and Σ dy to db.
func (d *Device) Conv2DGradWeight(dw, db, x, dy op.Tensor, p op.ConvParams) {
	op.CheckConv2DGradWeight(dw, db, x, dy, p)
	if dw == nil {
		if db != nil {
			co := op.Last(dy)
			d.addColumnSums(db, dy, op.Len(dy)/co, co)
		}
		return
	}
	g := newConvArgs(x.Shape(), dw.Shape(), p)
	g.out, g.a, g.b, g.accumulate = address(dw), address(dy), address(x), 1
	ci, co, products := int(g.ci), int(g.co), d.layerPrecision(&g)
	if g.pointwise() {
		a := gemmArgs{c: g.out, a: g.a, b: g.b, m: co, n: ci, k: g.positions(), lda: co, ldb: ci, ldc: ci, accumulate: 1}
		if db == nil {
			d.gemmIn(products, "tn", a)
		} else {
			d.gemmSums(products, a, db, dy)
		}
		return
	}
	byLibrary := d.convGradWeightByLibrary(products, g, func(g convArgs) { d.ownConvGradWeight(products, g, nil) })
	if !byLibrary && products != fp32 {
		d.ownConvGradWeight(products, g, db)
		return
	}
	if !byLibrary {
		d.ownConvGradWeight(products, g, nil)
	}
	if db != nil {
		d.addColumnSums(db, dy, g.positions(), co)
	}
}

// ownConvGradWeight adds the gradient of the weights, and on tensor cores the sums of dy to
// sums, unless that is nil.
func (d *Device) ownConvGradWeight(p precision, g convArgs, sums op.Tensor) {
	ci, co := int(g.ci), int(g.co)
	tile, blocks, length := chooseSplit(co, g.terms(), g.positions(), co%4 == 0 && ci%4 == 0 && aligned16(g.out, g.a, g.b))
	parts := ceil(g.positions(), length)
	g.splitPositions = int32(length)
	kernel, threads, shared := d.gradientKernel(p, "conv2d_grad_weight", false, tile)
	s := grid2(blocks, parts, threads)
	s.shared = shared
	if sums != nil {
		g.sums = d.scratch(parts * co)
		defer d.freeScratch(g.sums)
		defer d.addPartials(address(sums), g.sums, parts, co)
	}
	if parts == 1 {
		d.launch(kernel, s, &g)
		return
	}
	n := co * g.terms()
	partial := d.scratch(parts * n)
	defer d.freeScratch(partial)
	dw := g.out
	g.out, g.accumulate = partial, 0
	d.launch(kernel, s, &g)
	d.addPartials(dw, partial, parts, n)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
