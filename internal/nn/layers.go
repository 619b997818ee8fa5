package nn

import (
	"math"

	"hdmnet/internal/op"
)

// Conv2D is a convolution's parameters and geometry.
type Conv2D struct {
	Weight *Param `w:"weight"`
	Bias   *Param `w:"bias"` // nil without bias
	Params op.ConvParams
}

// NewConv2D returns a k×k convolution with PyTorch's default initialization.
func NewConv2D(in, out, k int, p op.ConvParams, bias bool) *Conv2D {
	c := &Conv2D{Params: p, Weight: &Param{Shape: []int{out, in, k, k}, Layout: Conv, Init: uniform(in * k * k)}}
	if bias {
		c.Bias = &Param{Shape: []int{out}, Init: uniform(in * k * k)}
	}
	return c
}

// Linear is a matrix product on the channels; a 1×1 convolution without padding is one too.
type Linear struct {
	Weight *Param `w:"weight"`
	Bias   *Param `w:"bias"`
}

// NewLinear returns y = x·wᵀ (+ b) with PyTorch's default initialization.
func NewLinear(in, out int, bias bool) *Linear {
	l := &Linear{Weight: &Param{Shape: []int{out, in}, Init: uniform(in)}}
	if bias {
		l.Bias = &Param{Shape: []int{out}, Init: uniform(in)}
	}
	return l
}

// NewPointwise returns a Linear whose checkpoint shape is that of a 1×1 convolution.
func NewPointwise(in, out int, bias bool) *Linear {
	l := NewLinear(in, out, bias)
	l.Weight.Shape = []int{out, in, 1, 1}
	return l
}

// DepthwiseConv is a 3×3 convolution of each channel by itself, with bias.
type DepthwiseConv struct {
	Weight *Param `w:"weight"`
	Bias   *Param `w:"bias"`
}

// NewDepthwiseConv returns one for c channels.
func NewDepthwiseConv(c int) *DepthwiseConv {
	return &DepthwiseConv{
		Weight: &Param{Shape: []int{c, 1, 3, 3}, Layout: Depthwise, Init: uniform(9)},
		Bias:   &Param{Shape: []int{c}, Init: uniform(9)},
	}
}

// BatchNorm normalizes channels; eps 1e-5, momentum 0.1 as PyTorch's default.
type BatchNorm struct {
	Weight  *Param   `w:"weight"`
	Bias    *Param   `w:"bias"`
	Mean    *Param   `w:"running_mean"`
	Var     *Param   `w:"running_var"`
	Batches *Counter `w:"num_batches_tracked"`
}

// Counter is an integer of the checkpoint that lives on the host.
type Counter struct{ N int64 }

const (
	batchNormEps      = 1e-5
	batchNormMomentum = 0.1
)

// NewBatchNorm returns the identity: weight 1, bias 0, mean 0, variance 1.
func NewBatchNorm(c int) *BatchNorm {
	v := func(x float32, r Role) *Param { return &Param{Shape: []int{c}, Init: Values(x), Role: r} }
	return &BatchNorm{Weight: v(1, Trainable), Bias: v(0, Trainable), Mean: v(0, Buffer), Var: v(1, Buffer), Batches: &Counter{}}
}

// LayerNorm normalizes positions over their channels.
type LayerNorm struct {
	Weight *Param `w:"weight"`
	Bias   *Param `w:"bias"`
	Eps    float32
}

// NewLayerNorm returns one with weight 1 and bias 0.
func NewLayerNorm(c int, eps float32) *LayerNorm {
	return &LayerNorm{Eps: eps, Weight: &Param{Shape: []int{c}, Init: Values(1)}, Bias: &Param{Shape: []int{c}, Init: Values(0)}}
}

// ConvBN is a convolution without bias or with, followed by batch norm. Its tag names
// both: `w:"conv1+bn1"`.
type ConvBN struct {
	Conv *Conv2D
	Norm *BatchNorm

	inputs  []int                    // channels of the parts of its input; see Tape.PyramidConv
	folded  op.FrozenConv            // the two as one convolution, made on first use while both are frozen
	pyramid *frozenPyramid           // likewise, by the parts of its input
	spreads map[[3]int]*spreadMatrix // by height, width and cells; see spread
}

// NewConvBN returns a k×k convolution and its batch norm.
func NewConvBN(in, out, k int, p op.ConvParams, bias bool) *ConvBN {
	return &ConvBN{Conv: NewConv2D(in, out, k, p, bias), Norm: NewBatchNorm(out)}
}

// fold returns w' [Co,KH,KW,Ci] and b' [Co] of Fold.
func (c *ConvBN) fold(dev op.Device) (w, b []float32) {
	return Fold(c.Conv.Weight, c.Conv.Bias, c.Norm, func(p *Param) []float32 {
		v := make([]float32, p.Len())
		dev.Download(v, p.Value)
		return v
	})
}

// Fold returns w' = w·γ/√(σ²+eps) and b' = (b−μ)·γ/√(σ²+eps) + β [Co] of a layer with
// weights w [Co,…] and bias b (nil: 0), followed by a norm with its running statistics.
// values gives a parameter's values in any order in which w's rows are one after the
// other; w' has that order.
func Fold(weight, bias *Param, norm *BatchNorm, values func(*Param) []float32) (w, b []float32) {
	w = values(weight)
	gamma, beta, mean, variance := values(norm.Weight), values(norm.Bias), values(norm.Mean), values(norm.Var)
	b = make([]float32, len(gamma))
	if bias != nil {
		b = values(bias)
	}
	per := len(w) / len(b)
	for o := range b {
		scaleRow(w[o*per:][:per], foldNorm(&b[o], gamma[o], beta[o], mean[o], variance[o]))
	}
	return w, b
}

// foldNorm folds a channel's norm into its bias and returns the scale of its weights.
func foldNorm(bias *float32, gamma, beta, mean, variance float32) (scale float64) {
	scale = float64(gamma) / math.Sqrt(float64(variance)+batchNormEps)
	*bias = float32((float64(*bias)-float64(mean))*scale + float64(beta))
	return scale
}

func scaleRow(w []float32, scale float64) {
	for i, v := range w {
		w[i] = float32(float64(v) * scale)
	}
}

// parts are the parameters that the folded convolution stands for, nil those there are not.
func (c *ConvBN) parts() []*Param {
	return []*Param{c.Conv.Weight, c.Conv.Bias, c.Norm.Weight, c.Norm.Bias, c.Norm.Mean, c.Norm.Var}
}

// prepare makes the form that the device computes of folded weights and biases.
func (c *ConvBN) prepare(dev op.Device, w, b []float32) {
	if c.inputs != nil {
		c.pyramid = c.splitPyramid(dev, w, b)
	} else {
		c.folded = freeze(dev, c.Conv.Weight, w, b, c.Conv.Weight.DeviceShape(), c.Conv.Params)
	}
}

// unfold gives the folded weights back: the parameters have changed or go away.
func (c *ConvBN) unfold() error {
	var frozen []op.FrozenConv
	if c.folded != nil {
		frozen = append(frozen, c.folded)
	}
	if c.pyramid != nil {
		frozen = append(append(frozen, c.pyramid.own), c.pyramid.levels...)
	}
	spreads := c.spreads
	c.folded, c.pyramid, c.spreads = nil, nil, nil
	for _, f := range frozen {
		if err := f.Close(); err != nil {
			return err
		}
	}
	for _, m := range spreads {
		if err := m.dev.Free(m.mem, int64(m.mem.MemSize())); err != nil {
			return err
		}
	}
	return nil
}
