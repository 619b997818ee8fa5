package model

import (
	"fmt"

	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// backbone turns images into the three maps the network uses.
type backbone interface {
	// features returns layer2, layer3 and layer4 of x [B,S,S,3] at layer3's size.
	features(t *nn.Tape, x *nn.Var) (f2, f3, f4 *nn.Var)
	// channels returns the channels of layer2, layer3 and layer4.
	channels() (c2, c3, c4 int)
	// cost returns the floating-point operations for an image of a side, and the side of
	// layer3's map; see Cost.
	cost(size int) (flop float64, side int)
}

// drawable is a backbone that ONNX graphs are drawn of.
type drawable interface {
	// draw is features in an ONNX graph; x is [N,3,S,S].
	draw(d *drawing, x drawnMap) (f2, f3, f4 drawnMap)
}

// backboneEntry is what the program knows of one backbone.
type backboneEntry struct {
	name string
	make func() backbone
	// headWidth is the number of channels of the base learner's features f5.
	headWidth int
	// is tells by the shapes of a file's tensors, under the release's names, whether they
	// are this backbone's.
	is func(shape shapes) bool
}

// shapes gives the shape of a tensor by its name.
type shapes func(name string) ([]int, bool)

// backboneEntries holds the backbones by the values of model.backbone. A new one is a line
// here, its network in a file of its own, and its name in the valid tag of config.Model.
var backboneEntries = append([]backboneEntry{
	resNetEntry("resnet50", resNetSpec{stem: 64, width: 64, blocks: [4]int{3, 4, 6, 3}}, 512),
	resNetEntry("resnet101", resNetSpec{stem: 64, width: 64, blocks: [4]int{3, 4, 23, 3}}, 512),
	{name: "vgg16", make: func() backbone { return newVGG() }, headWidth: 512, is: isVGG16},
	resNetEntry("tiny", resNetSpec{stem: 16, width: 16, blocks: [4]int{1, 1, 1, 1}}, 64),
}, encoderEntries()...)

func resNetEntry(name string, s resNetSpec, headWidth int) backboneEntry {
	return backboneEntry{
		name: name, make: func() backbone { return newResNet(s) }, headWidth: headWidth,
		is: func(shape shapes) bool {
			blocks, width := layer3(shape)
			return blocks == s.blocks[2] && width == 4*s.width
		},
	}
}

// backboneNamed returns the entry of a name that Options.check has let through.
func backboneNamed(name string) backboneEntry {
	for _, e := range backboneEntries {
		if e.name == name {
			return e
		}
	}
	panic(fmt.Sprintf("model: no backbone is called %q", name))
}

// resNetSpec scales a ResNet; ResNet-50 has stem 64, width 64, blocks 3,4,6,3.
type resNetSpec struct {
	stem   int // channels of the first two 3×3 convolutions; the third has twice as many
	width  int // bottleneck width of layer1; doubled at every stage, ×4 at the output
	blocks [4]int
}

// resNet is a ResNet with a deep stem at output stride 8: layer3 has dilation 2 and
// layer4 dilation 4 in all their 3×3 convolutions.
type resNet struct {
	Stem0  *nn.ConvBN    `w:"layer0.0+1"`
	Stem1  *nn.ConvBN    `w:"layer0.3+4"`
	Stem2  *nn.ConvBN    `w:"layer0.6+7"`
	Layer1 []*bottleneck `w:"layer1"`
	Layer2 []*bottleneck `w:"layer2"`
	Layer3 []*bottleneck `w:"layer3"`
	Layer4 []*bottleneck `w:"layer4"`
	spec   resNetSpec
}

// bottleneck is 1×1, 3×3, 1×1 with a shortcut; stride and dilation sit on the 3×3.
type bottleneck struct {
	Conv1      *nn.ConvBN `w:"conv1+bn1"`
	Conv2      *nn.ConvBN `w:"conv2+bn2"`
	Conv3      *nn.ConvBN `w:"conv3+bn3"`
	Downsample *nn.ConvBN `w:"downsample.0+1"`
}

// stemPool ends the stem.
var stemPool = op.PoolParams{Kernel: 3, Stride: 2, Pad: 1}

func newResNet(s resNetSpec) *resNet {
	r := &resNet{
		Stem0: convBN(3, s.stem, 3, op.ConvParams{Stride: 2, Pad: 1, Dilation: 1}),
		Stem1: convBN(s.stem, s.stem, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}),
		Stem2: convBN(s.stem, 2*s.stem, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}),
		spec:  s,
	}
	in := 2 * s.stem
	for i, layer := range []*[]*bottleneck{&r.Layer1, &r.Layer2, &r.Layer3, &r.Layer4} {
		width := s.width << i
		stride, dilation := [4]int{1, 2, 1, 1}[i], [4]int{1, 1, 2, 4}[i]
		for b := range s.blocks[i] {
			bn := &bottleneck{
				Conv1: convBN(in, width, 1, op.ConvParams{Stride: 1, Dilation: 1}),
				Conv2: convBN(width, width, 3, op.ConvParams{Stride: stride, Pad: dilation, Dilation: dilation}),
				Conv3: convBN(width, 4*width, 1, op.ConvParams{Stride: 1, Dilation: 1}),
			}
			if b == 0 {
				bn.Downsample = convBN(in, 4*width, 1, op.ConvParams{Stride: stride, Dilation: 1})
			}
			*layer = append(*layer, bn)
			in, stride = 4*width, 1
		}
	}
	return r
}

// convBN is a convolution without bias, kaiming-normal, and its batch norm.
func convBN(in, out, k int, p op.ConvParams) *nn.ConvBN {
	c := nn.NewConvBN(in, out, k, p, false)
	c.Conv.Weight.Init = nn.KaimingFanOut
	return c
}

func (r *resNet) channels() (c2, c3, c4 int) {
	return 8 * r.spec.width, 16 * r.spec.width, 32 * r.spec.width
}

func (r *resNet) features(t *nn.Tape, x *nn.Var) (f2, f3, f4 *nn.Var) {
	a := t.ConvBNFor(r.Stem1, x, r.Stem0)
	b := t.ConvBNFor(r.Stem2, a, r.Stem1)
	t.Free(a)
	a = t.ConvBN(b, r.Stem2, nil, true)
	t.Free(b)
	f0 := t.MaxPool(a, stemPool)
	t.Free(a)
	f1 := stage(t, f0, r.Layer1)
	t.Free(f0)
	f2 = stage(t, f1, r.Layer2)
	t.Free(f1)
	f3 = stage(t, f2, r.Layer3)
	return f2, f3, stage(t, f3, r.Layer4)
}

// stage runs the blocks one after the other; it frees what lies between them, not x.
func stage(t *nn.Tape, x *nn.Var, blocks []*bottleneck) *nn.Var {
	in := x
	for _, b := range blocks {
		y := b.forward(t, in)
		if in != x {
			t.Free(in)
		}
		in = y
	}
	return in
}

func (b *bottleneck) forward(t *nn.Tape, x *nn.Var) *nn.Var {
	h1 := t.ConvBNFor(b.Conv2, x, b.Conv1)
	h2 := t.ConvBNFor(b.Conv3, h1, b.Conv2)
	t.Free(h1)
	shortcut := x
	if b.Downsample != nil {
		shortcut = t.ConvBN(x, b.Downsample, nil, false)
	}
	y := t.ConvBN(h2, b.Conv3, shortcut, true)
	t.Free(h2)
	if b.Downsample != nil {
		t.Free(shortcut)
	}
	return y
}
