package cpu

import "hdmnet/internal/op"

// convShape is the geometry of a convolution of x [B,H,W,Cin] with w
// [Cout,KH,KW,Cin] to y [B,Ho,Wo,Cout], Ho = (H + 2·Pad − Dil·(KH−1) − 1)/Stride + 1.
type convShape struct {
	B, H, W, Cin, Cout, KH, KW, Stride, Pad, Dil, Ho, Wo int
}

// patch is the number of inputs to one output, the inner dimension of the
// forward product.
func (s *convShape) patch() int { return s.KH * s.KW * s.Cin }

// pixels is the number of output positions.
func (s *convShape) pixels() int { return s.B * s.Ho * s.Wo }

// pointwise says that every output position reads the input position of the
// same index: the convolution is a plain product.
func (s *convShape) pointwise() bool {
	return s.KH == 1 && s.KW == 1 && s.Stride == 1 && s.Pad == 0
}

// patches describes the rows of the forward product in image x.
func (s *convShape) patches(x []float32) gather {
	return gather{image: x, h: s.H, w: s.W, c: s.Cin, gh: s.Ho, gw: s.Wo,
		stride: s.Stride, oy: -s.Pad, ox: -s.Pad, ny: s.KH, nx: s.KW, stepY: s.Dil, stepX: s.Dil}
}

// convForward computes y = conv(x, w), with an epilogue, as one product of the patches
// [B·Ho·Wo, KH·KW·Cin] with wᵀ. pre is w packed before, or nil. The product is in a precision.
// Where x or y holds halves, the inner dimension is that of float32 all the same.
func convForward(in op.Precision, s convShape, y, x, w []float32, pre *packedB, epi epilogue, half halves) {
	p := newProduct(in, s.pixels(), s.Cout, s.patch(), y, s.Cout, false, epi, half)
	if s.pointwise() {
		p.denseA = matrix{data: x, ld: s.Cin}
		p.a = &p.denseA
	} else {
		p.patches = s.patches(x)
		p.a = &p.patches
	}
	p.denseB = matrix{data: w, ld: s.patch(), transposed: true}
	p.b, p.packed = &p.denseB, pre
	p.run()
}

// halves says which maps of a convolution are pairs of bf16.
type halves struct{ x, y bool }

// within returns the precision in which s is computed on a device in p: where two pixels
// would share a pair, in float32.
func (s *convShape) within(p op.Precision) op.Precision {
	if s.Cin%2 != 0 && !s.pointwise() {
		return op.FP32
	}
	return p
}

// convBackwardWeight adds Σ_p dy[p,o]·patch[p,·] to dw [Cout,KH,KW,Cin] and
// Σ_p dy[p,o] to db [Cout]; either may be nil. The order of the sums depends on
// the shape alone.
func convBackwardWeight(in op.Precision, s convShape, dw, db, x, dy []float32) {
	if dw != nil {
		p := newProduct(in, s.Cout, s.patch(), s.pixels(), dw, s.patch(), true, epilogue{}, halves{})
		p.denseA = matrix{data: dy, ld: s.Cout, transposed: true}
		p.a = &p.denseA
		if s.pointwise() {
			p.denseB = matrix{data: x, ld: s.Cin}
			p.b = &p.denseB
		} else {
			p.patches = s.patches(x)
			p.b = &p.patches
		}
		p.splitK, p.privateB = true, true
		p.run()
	}
	if db != nil {
		addColumnSums(db, dy)
	}
}

// Conv2D computes y = relu(conv(x, w) + bias + residual).
func (d *Device) Conv2D(y, x, w, bias, residual op.Tensor, p op.ConvParams) {
	op.CheckConv2D(y, x, w, bias, residual, p)
	s := shapeOf(x, w, p)
	convForward(s.within(d.fine()), s, f32(y), f32(x), f32(w), nil, epilogue{f32(bias), f32(residual), op.ReLUIf(p.ReLU)}, halves{})
}

// Conv2DGradInput adds the transposed convolution of dy to dx.
func (d *Device) Conv2DGradInput(dx, dy, w op.Tensor, p op.ConvParams) {
	op.CheckConv2DGradInput(dx, dy, w, p)
	convBackwardData(d.fine(), shapeOf(dx, w, p), f32(dx), f32(dy), f32(w), true)
}

// Conv2DGradWeight adds Σ dy·x to dw and Σ dy to db.
func (d *Device) Conv2DGradWeight(dw, db, x, dy op.Tensor, p op.ConvParams) {
	op.CheckConv2DGradWeight(dw, db, x, dy, p)
	if dw == nil {
		addColumnSums(f32(db), f32(dy))
		return
	}
	convBackwardWeight(d.fine(), shapeOf(x, dw, p), f32(dw), f32(db), f32(x), f32(dy))
}

func shapeOf(x, w op.Tensor, p op.ConvParams) convShape {
	xs, ws := x.Shape(), w.Shape()
	return convShape{B: xs[0], H: xs[1], W: xs[2], Cin: xs[3], Cout: ws[0], KH: ws[1], KW: ws[2],
		Stride: p.Stride, Pad: p.Pad, Dil: p.Dilation, Ho: p.Out(xs[1], ws[1]), Wo: p.Out(xs[2], ws[2])}
}
