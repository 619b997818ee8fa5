package optest

import (
	"fmt"

	"hdmnet/internal/golden"
	"hdmnet/internal/op"
)

// convSize is one convolution: x [b,h,w,ci], w [co,kh,kw,ci].
type convSize struct {
	b, h, w, ci, co, kh, kw int
	p                       op.ConvParams
}

func (c convSize) in() []int     { return []int{c.b, c.h, c.w, c.ci} }
func (c convSize) weight() []int { return []int{c.co, c.kh, c.kw, c.ci} }
func (c convSize) out() []int    { return []int{c.b, c.p.Out(c.h, c.kh), c.p.Out(c.w, c.kw), c.co} }

// conv2d is the definition, with bias and residual where they are not nil.
func conv2d(c convSize, x, w, bias, residual []float64) []float64 {
	out := c.out()
	y := make([]float64, size(out))
	for i := range y {
		o, col, row, n := i%c.co, i/c.co%out[2], i/(c.co*out[2])%out[1], i/(c.co*out[2]*out[1])
		if bias != nil {
			y[i] += bias[o]
		}
		if residual != nil {
			y[i] += residual[i]
		}
		for ky := range c.kh {
			for kx := range c.kw {
				r, q := row*c.p.Stride-c.p.Pad+ky*c.p.Dilation, col*c.p.Stride-c.p.Pad+kx*c.p.Dilation
				if r < 0 || r >= c.h || q < 0 || q >= c.w {
					continue
				}
				at := ((n*c.h+r)*c.w + q) * c.ci
				y[i] += dot(x[at:at+c.ci], w[((o*c.kh+ky)*c.kw+kx)*c.ci:])
			}
		}
		if c.p.ReLU {
			y[i] = max(0, y[i])
		}
	}
	return y
}

func testConv2D(s *suite) {
	geometry := func(stride, pad, dilation int) op.ConvParams {
		return op.ConvParams{Stride: stride, Pad: pad, Dilation: dilation}
	}
	for _, c := range []convSize{
		{1, 1, 1, 1, 1, 1, 1, geometry(1, 0, 1)},
		{2, 5, 7, 3, 5, 1, 1, geometry(1, 0, 1)},
		{1, 9, 6, 66, 64, 1, 1, geometry(1, 0, 1)},
		{2, 7, 8, 5, 3, 1, 1, geometry(2, 0, 1)},
		{1, 1, 1, 2, 3, 3, 3, geometry(1, 1, 1)},
		{2, 6, 7, 3, 17, 3, 3, geometry(1, 1, 1)},
		{1, 5, 5, 66, 33, 3, 3, geometry(1, 1, 1)},
		{1, 3, 4, 257, 2, 3, 3, geometry(1, 1, 1)},
		{2, 9, 8, 3, 5, 3, 3, geometry(2, 1, 1)},
		{1, 8, 9, 5, 6, 3, 3, geometry(1, 2, 2)},
		{2, 7, 7, 3, 4, 3, 3, geometry(1, 4, 4)},
		{1, 11, 10, 2, 3, 3, 3, geometry(2, 2, 2)},
		{1, 13, 12, 3, 5, 4, 4, geometry(4, 0, 1)},
		{2, 9, 7, 5, 2, 2, 2, geometry(2, 0, 1)},
		{1, 4, 6, 2, 3, 2, 3, geometry(1, 1, 1)},
	} {
		s.conv2d(c)
	}
	s.goldenConv2D("conv3x3_dilation4", geometry(1, 4, 4), false)
	s.goldenConv2D("conv3x3_stride2", geometry(2, 1, 1), true)
	s.goldenConv2D("conv4x4_stride4", geometry(4, 0, 1), true)
}

// conv2d checks one size: every combination of the fused operands, then the gradients.
func (s *suite) conv2d(c convSize) {
	s.Helper()
	what := fmt.Sprintf("%+v", c)
	x, w := random("conv x"+what, size(c.in()), 1), random("conv w"+what, size(c.weight()), 1)
	bias, residual := random("conv b"+what, c.co, 1), random("conv r"+what, size(c.out()), 1)
	dy := random("conv dy"+what, size(c.out()), 1)
	tx, tw, tdy := s.tensor(x, c.in()...), s.tensor(w, c.weight()...), s.tensor(dy, c.out()...)
	for fused := range 8 {
		f := c
		f.p.ReLU = fused&4 != 0
		var b, r []float64
		var tb, tr op.Tensor
		if fused&1 != 0 {
			b, tb = bias, s.tensor(bias, c.co)
		}
		if fused&2 != 0 {
			r, tr = residual, s.tensor(residual, c.out()...)
		}
		y := s.output(c.out()...)
		s.dev.Conv2D(y, tx, tw, tb, tr, f.p)
		s.near(fmt.Sprintf("%s bias %t residual %t ReLU %t", what, b != nil, r != nil, f.p.ReLU), y, conv2d(f, x, w, b, r))
	}
	dx, dw, db := s.gradient(c.in()...), s.gradient(c.weight()...), s.gradient(c.co)
	s.dev.Conv2DGradInput(dx, tdy, tw, c.p)
	s.dev.Conv2DGradWeight(dw, db, tx, tdy, c.p)
	loss := func() float64 { return dot(dy, conv2d(c, x, w, bias, nil)) }
	s.finiteDifferences(what+": x", dx, x, loss)
	s.finiteDifferences(what+": w", dw, w, loss)
	s.finiteDifferences(what+": bias", db, bias, loss)
	dw2, db2 := s.gradient(c.weight()...), s.gradient(c.co)
	s.dev.Conv2DGradWeight(dw2, nil, tx, tdy, c.p)
	s.dev.Conv2DGradWeight(nil, db2, tx, tdy, c.p)
	s.same(what+": dw alone", dw2, dw)
	s.same(what+": db alone", db2, db)
}

func (s *suite) goldenConv2D(name string, p op.ConvParams, biased bool) {
	s.Helper()
	f := golden.Load(s.T, "ops.safetensors")
	x, shape := goldenMap(f, name+".in.x")
	w, weight := goldenMap(f, name+".in.w") // O,I,H,W to O,H,W,I
	want, out := goldenMap(f, name+".out.y")
	dy, _ := goldenMap(f, name+".cotangent.y")
	tx, tw, tdy := s.tensor(x, shape...), s.tensor(w, weight...), s.tensor(dy, out...)
	var bias, db op.Tensor
	if biased {
		b, _ := f.Float32(name + ".in.b")
		bias, db = s.tensor(widen(b), weight[0]), s.gradient(weight[0])
	}
	y, dx, dw := s.output(out...), s.gradient(shape...), s.gradient(weight...)
	s.dev.Conv2D(y, tx, tw, bias, nil, p)
	s.near(name, y, want)
	s.dev.Conv2DGradInput(dx, tdy, tw, p)
	s.dev.Conv2DGradWeight(dw, db, tx, tdy, p)
	grad, _ := goldenMap(f, name+".grad.x")
	s.nearGradient(name+" x", dx, grad)
	grad, _ = goldenMap(f, name+".grad.w")
	s.nearGradient(name+" w", dw, grad)
	if biased {
		g, _ := f.Float32(name + ".grad.b")
		s.nearGradient(name+" bias", db, widen(g))
	}
}
