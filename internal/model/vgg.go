package model

import (
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// vgg is VGG-16 with batch norm: five groups of 3×3 convolutions with bias, a 2×2 max
// pool (ceil mode) after the first four. Strides 2,4,8,16,16.
type vgg struct {
	Layer0 vggGroup2 `w:"layer0"`
	Layer1 vggGroup2 `w:"layer1"`
	Layer2 vggGroup3 `w:"layer2"`
	Layer3 vggGroup3 `w:"layer3"`
	Layer4 vggGroup3 `w:"layer4"`
}

type vggGroup2 struct {
	Conv0 *nn.ConvBN `w:"0+1"`
	Conv1 *nn.ConvBN `w:"3+4"`
}

type vggGroup3 struct {
	Conv0 *nn.ConvBN `w:"0+1"`
	Conv1 *nn.ConvBN `w:"3+4"`
	Conv2 *nn.ConvBN `w:"6+7"`
}

func newVGG() *vgg {
	conv := func(in, out int) *nn.ConvBN {
		c := nn.NewConvBN(in, out, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}, true)
		c.Conv.Weight.Init = nn.KaimingFanOut
		c.Conv.Bias.Init = nn.Values(0)
		return c
	}
	return &vgg{
		Layer0: vggGroup2{conv(3, 64), conv(64, 64)},
		Layer1: vggGroup2{conv(64, 128), conv(128, 128)},
		Layer2: vggGroup3{conv(128, 256), conv(256, 256), conv(256, 256)},
		Layer3: vggGroup3{conv(256, 512), conv(512, 512), conv(512, 512)},
		Layer4: vggGroup3{conv(512, 512), conv(512, 512), conv(512, 512)},
	}
}

func (v *vgg) channels() (c2, c3, c4 int) { return 256, 512, 512 }

// features resizes layer2 (stride 8) to layer3's size (stride 16), align_corners=True.
func (v *vgg) features(t *nn.Tape, x *nn.Var) (f2, f3, f4 *nn.Var) {
	f0 := vggGroup(t, x, true, v.Layer0.Conv0, v.Layer0.Conv1)
	f1 := vggGroup(t, f0, true, v.Layer1.Conv0, v.Layer1.Conv1)
	t.Free(f0)
	wide := vggGroup(t, f1, true, v.Layer2.Conv0, v.Layer2.Conv1, v.Layer2.Conv2)
	t.Free(f1)
	f3 = vggGroup(t, wide, true, v.Layer3.Conv0, v.Layer3.Conv1, v.Layer3.Conv2)
	s := f3.Value.Shape()
	f2 = t.Resize(wide, s[1], s[2], true)
	if f2 != wide {
		t.Free(wide)
	}
	return f2, f3, vggGroup(t, f3, false, v.Layer4.Conv0, v.Layer4.Conv1, v.Layer4.Conv2)
}

// vggPool ends the first four groups.
var vggPool = op.PoolParams{Kernel: 2, Stride: 2, Ceil: true}

func vggGroup(t *nn.Tape, x *nn.Var, pool bool, convs ...*nn.ConvBN) *nn.Var {
	in := x
	for i, c := range convs {
		var y *nn.Var
		if i+1 < len(convs) {
			y = t.ConvBNFor(convs[i+1], in, c)
		} else {
			y = t.ConvBN(in, c, nil, true)
		}
		if in != x {
			t.Free(in)
		}
		in = y
	}
	if !pool {
		return in
	}
	y := t.MaxPool(in, vggPool)
	t.Free(in)
	return y
}
