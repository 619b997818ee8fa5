package model

import (
	"fmt"
	"math"

	"hdmnet/internal/nn"
	"hdmnet/internal/onnx"
	"hdmnet/internal/op"
)

// drawing is a network becoming an ONNX graph. Maps are NCHW, tokens [N,h·w,C].
type drawing struct {
	g *onnx.Graph
	n *HDMNet
	o GraphOptions
}

// drawnMap is a feature map [N,c,h,w] in a drawing; N is free.
type drawnMap struct {
	v       onnx.Value
	c, h, w int
}

func newDrawing(n *HDMNet, o GraphOptions, name, about string) *drawing {
	return &drawing{g: onnx.NewGraph(name, about), n: n, o: o}
}

// at names what follows.
func (d *drawing) at(part string) { d.g.Scope(part) }

// do adds a node.
func (d *drawing) do(op string, attrs []onnx.Attr, in ...onnx.Value) onnx.Value {
	return d.g.Node(op, in, attrs...)
}

func attrs(a ...onnx.Attr) []onnx.Attr { return a }

// plus, times and over are elementwise, with broadcasting.
func (d *drawing) plus(a, b onnx.Value) onnx.Value   { return d.do("Add", nil, a, b) }
func (d *drawing) times(a, b onnx.Value) onnx.Value  { return d.do("Mul", nil, a, b) }
func (d *drawing) over(a, b onnx.Value) onnx.Value   { return d.do("Div", nil, a, b) }
func (d *drawing) matmul(a, b onnx.Value) onnx.Value { return d.do("MatMul", nil, a, b) }
func (d *drawing) relu(x onnx.Value) onnx.Value      { return d.do("Relu", nil, x) }

func (d *drawing) concat(axis int, parts ...onnx.Value) onnx.Value {
	return d.do("Concat", attrs(onnx.Int("axis", axis)), parts...)
}

// reshape: 0 keeps an extent, −1 takes what is left.
func (d *drawing) reshape(x onnx.Value, shape ...int) onnx.Value {
	return d.do("Reshape", nil, x, d.g.Ints(shape...))
}

func (d *drawing) transpose(x onnx.Value, perm ...int) onnx.Value {
	return d.do("Transpose", attrs(onnx.Ints("perm", perm...)), x)
}

func (d *drawing) softmax(x onnx.Value, axis int) onnx.Value {
	return d.do("Softmax", attrs(onnx.Int("axis", axis)), x)
}

func (d *drawing) sum(x onnx.Value, keep int, axes ...int) onnx.Value {
	return d.do("ReduceSum", attrs(onnx.Int("keepdims", keep)), x, d.g.Ints(axes...))
}

func (d *drawing) mean(x onnx.Value, keep int, axes ...int) onnx.Value {
	return d.do("ReduceMean", attrs(onnx.Int("keepdims", keep), onnx.Ints("axes", axes...)), x)
}

// extents are the extents first … end−1 of x, as a vector.
func (d *drawing) extents(x onnx.Value, first, end int) onnx.Value {
	return d.do("Shape", attrs(onnx.Int("start", first), onnx.Int("end", end)), x)
}

// unit divides x by its length along an axis, which is taken as at least 1e-12.
func (d *drawing) unit(x onnx.Value, axis int) onnx.Value {
	length := d.do("ReduceL2", attrs(onnx.Int("keepdims", 1), onnx.Ints("axes", axis)), x)
	return d.over(x, d.do("Max", nil, length, d.g.Scalar(1e-12)))
}

// resizeTo is bilinear to the size [2] that a value holds.
func (d *drawing) resizeTo(x, size onnx.Value, alignCorners bool) onnx.Value {
	way := "half_pixel"
	if alignCorners {
		way = "align_corners"
	}
	sizes := d.concat(0, d.extents(x, 0, 2), size)
	return d.do("Resize", attrs(onnx.String("mode", "linear"), onnx.String("coordinate_transformation_mode", way)), x, "", "", sizes)
}

func (d *drawing) resize(x drawnMap, h, w int, alignCorners bool) drawnMap {
	if x.h == h && x.w == w {
		return x
	}
	return drawnMap{d.resizeTo(x.v, d.g.Ints(h, w), alignCorners), x.c, h, w}
}

// param is a parameter in PyTorch's shape.
func (d *drawing) param(p *nn.Param) onnx.Value {
	return d.g.Floats(p.Name, p.Shape, func() []float32 { return d.o.Values(p) })
}

// kernel is a linear layer's weights [Co,Ci] as a matrix [Ci,Co], to be multiplied from the right.
func (d *drawing) kernel(p *nn.Param) onnx.Value {
	co, ci := p.Shape[0], p.Shape[1]
	return d.g.Floats(p.Name+".T", []int{ci, co}, func() []float32 {
		w, t := d.o.Values(p), make([]float32, ci*co)
		for o := range co {
			for i := range ci {
				t[i*co+o] = w[o*ci+i]
			}
		}
		return t
	})
}

// convolve is a convolution with weights of shape [Co,Ci/groups,kh,kw].
func (d *drawing) convolve(x drawnMap, w, b onnx.Value, shape []int, p op.ConvParams, groups int) drawnMap {
	in := []onnx.Value{x.v, w}
	if b != "" {
		in = append(in, b)
	}
	y := d.do("Conv", attrs(onnx.Ints("kernel_shape", shape[2], shape[3]), onnx.Ints("strides", p.Stride, p.Stride),
		onnx.Ints("pads", p.Pad, p.Pad, p.Pad, p.Pad), onnx.Ints("dilations", p.Dilation, p.Dilation), onnx.Int("group", groups)), in...)
	return drawnMap{y, shape[0], p.Out(x.h, shape[2]), p.Out(x.w, shape[3])}
}

func (d *drawing) conv2D(x drawnMap, c *nn.Conv2D) drawnMap {
	return d.convolve(x, d.param(c.Weight), d.optional(c.Bias), c.Weight.Shape, c.Params, 1)
}

func (d *drawing) optional(p *nn.Param) onnx.Value {
	if p == nil {
		return ""
	}
	return d.param(p)
}

// pointwise is a linear layer over the channels of a map.
func (d *drawing) pointwise(x drawnMap, l *nn.Linear) drawnMap {
	s := l.Weight.Shape
	w := d.g.Floats(l.Weight.Name, []int{s[0], s[1], 1, 1}, func() []float32 { return d.o.Values(l.Weight) })
	return d.convolve(x, w, d.optional(l.Bias), []int{s[0], s[1], 1, 1}, onePixel, 1)
}

var (
	onePixel     = op.ConvParams{Stride: 1, Dilation: 1}
	depthwise3x3 = op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}
)

// folded is a convolution and the norm after it as one convolution.
func (d *drawing) folded(x drawnMap, weight, bias *nn.Param, norm *nn.BatchNorm, p op.ConvParams) drawnMap {
	fold := func() ([]float32, []float32) { return nn.Fold(weight, bias, norm, d.o.Values) }
	w := d.g.Floats(weight.Name, weight.Shape, func() []float32 { w, _ := fold(); return w })
	b := d.g.Floats(weight.Name+".folded_bias", weight.Shape[:1], func() []float32 { _, b := fold(); return b })
	return d.convolve(x, w, b, weight.Shape, p, 1)
}

func (d *drawing) convBN(x drawnMap, c *nn.ConvBN, relu bool) drawnMap {
	y := d.folded(x, c.Conv.Weight, c.Conv.Bias, c.Norm, c.Conv.Params)
	if relu {
		y.v = d.relu(y.v)
	}
	return y
}

// collapsed is the chain of a nn.CollapsedConv; a norm after it, if any, is folded in.
func (d *drawing) collapsed(x drawnMap, c *nn.CollapsedConv, after *nn.BatchNorm) drawnMap {
	x = d.folded(x, c.Expand.Weight, c.Expand.Bias, c.Norm1, onePixel)
	x = d.folded(x, c.Conv.Weight, c.Conv.Bias, c.Norm2, c.Conv.Params)
	if after == nil {
		return d.pointwise(x, c.Project)
	}
	return d.folded(x, c.Project.Weight, c.Project.Bias, after, onePixel)
}

func (d *drawing) maxPool(x drawnMap, p op.PoolParams) drawnMap {
	ceil := 0
	if p.Ceil {
		ceil = 1
	}
	y := d.do("MaxPool", attrs(onnx.Ints("kernel_shape", p.Kernel, p.Kernel), onnx.Ints("strides", p.Stride, p.Stride),
		onnx.Ints("pads", p.Pad, p.Pad, p.Pad, p.Pad), onnx.Int("ceil_mode", ceil)), x.v)
	return drawnMap{y, x.c, p.Out(x.h), p.Out(x.w)}
}

// averages is x averaged into bins×bins cells: a product with a constant matrix, for ONNX
// has no adaptive pooling, and the cells differ in size where bins does not divide the map.
func (d *drawing) averages(x drawnMap, bins int) drawnMap {
	m := d.g.Floats(fmt.Sprintf("averages_%d_%d_%d", x.h, x.w, bins), []int{x.h * x.w, bins * bins}, func() []float32 { return averageMatrix(x.h, x.w, bins) })
	y := d.matmul(d.reshape(x.v, 0, x.c, x.h*x.w), m)
	return drawnMap{d.reshape(y, 0, x.c, bins, bins), x.c, bins, bins}
}

// averageMatrix is A [h·w, bins²]: A[p,c] is 1/|c| where position p lies in cell c of
// op.AdaptiveAvgPool, else 0.
func averageMatrix(h, w, bins int) []float32 {
	m := make([]float32, h*w*bins*bins)
	span := func(i, n int) (lo, hi int) { return i * n / bins, ((i+1)*n + bins - 1) / bins }
	for i := range bins {
		top, bottom := span(i, h)
		for j := range bins {
			left, right := span(j, w)
			share := float32(1 / float64((bottom-top)*(right-left)))
			for y := top; y < bottom; y++ {
				for x := left; x < right; x++ {
					m[(y*w+x)*bins*bins+i*bins+j] = share
				}
			}
		}
	}
	return m
}

// nearest takes from masks [N,h,w] of the pictures' size those positions that
// op.ResizeNearest takes for a map of h×w: [N,h,w].
func (d *drawing) nearest(mask onnx.Value, h, w int) onnx.Value {
	rows := d.do("Gather", attrs(onnx.Int("axis", 1)), mask, d.g.Ints(nearestPlaces(d.o.Size, h)...))
	return d.do("Gather", attrs(onnx.Int("axis", 2)), rows, d.g.Ints(nearestPlaces(d.o.Size, w)...))
}

// nearestPlaces are ⌊i·in/out⌋, the ratio and the product in float32 as in op.ResizeNearest.
func nearestPlaces(in, out int) []int {
	ratio := float32(float64(in) / float64(out))
	places := make([]int, out)
	for i := range places {
		places[i] = min(int(math.Floor(float64(float32(i)*ratio))), in-1)
	}
	return places
}

// layerNorm is over the last axis.
func (d *drawing) layerNorm(x onnx.Value, l *nn.LayerNorm) onnx.Value {
	return d.do("LayerNormalization", attrs(onnx.Int("axis", -1), onnx.Float32("epsilon", l.Eps)), x, d.param(l.Weight), d.param(l.Bias))
}

// gelu is x·½·(1 + erf(x/√2)).
func (d *drawing) gelu(x onnx.Value) onnx.Value {
	erf := d.do("Erf", nil, d.times(x, d.g.Scalar(float32(math.Sqrt(0.5)))))
	return d.times(d.times(x, d.g.Scalar(0.5)), d.plus(erf, d.g.Scalar(1)))
}

// tokens is a map [N,c,h,w] as [N,h·w,c].
func (d *drawing) tokens(x drawnMap) onnx.Value {
	return d.transpose(d.reshape(x.v, 0, x.c, x.h*x.w), 0, 2, 1)
}

// grid is tokens [N,h·w,c] as a map of like's extents.
func (d *drawing) grid(x onnx.Value, like drawnMap) drawnMap {
	return drawnMap{d.reshape(d.transpose(x, 0, 2, 1), 0, like.c, like.h, like.w), like.c, like.h, like.w}
}

// everywhere repeats vectors [N,c] over the positions of a map, which may be of more samples.
func (d *drawing) everywhere(vectors onnx.Value, like drawnMap) onnx.Value {
	c := d.extents(vectors, 1, 2)
	shape := d.concat(0, d.extents(like.v, 0, 1), c, d.g.Ints(like.h, like.w))
	return d.do("Expand", nil, d.reshape(vectors, 0, -1, 1, 1), shape)
}
