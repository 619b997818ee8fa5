package selftest

import (
	"errors"
	"math"
	"slices"

	"hdmnet/internal/op"
)

// The methods of op.Device, in its order; package op says what each one means. Download is
// the device's own: every comparison relies on it.

func (d *Twin) Upload(dst op.Tensor, src any) {
	d.compare("Upload", func(on op.Device, t []op.Tensor) { on.Upload(t[0], src) }, dst)
}

func (d *Twin) Zero(t op.Tensor) {
	d.compare("Zero", func(on op.Device, t []op.Tensor) { on.Zero(t[0]) }, t)
}

func (d *Twin) Copy(dst, src op.Tensor) {
	d.compare("Copy", func(on op.Device, t []op.Tensor) { on.Copy(t[0], t[1]) }, dst, src)
}

func (d *Twin) Conv2D(y, x, w, bias, residual op.Tensor, p op.ConvParams) {
	d.compare("Conv2D", func(on op.Device, t []op.Tensor) { on.Conv2D(t[0], t[1], t[2], t[3], t[4], p) }, y, x, w, bias, residual)
}

func (d *Twin) Conv2DGradInput(dx, dy, w op.Tensor, p op.ConvParams) {
	d.compare("Conv2DGradInput", func(on op.Device, t []op.Tensor) { on.Conv2DGradInput(t[0], t[1], t[2], p) }, dx, dy, w)
}

func (d *Twin) Conv2DGradWeight(dw, db, x, dy op.Tensor, p op.ConvParams) {
	d.compare("Conv2DGradWeight", func(on op.Device, t []op.Tensor) { on.Conv2DGradWeight(t[0], t[1], t[2], t[3], p) }, dw, db, x, dy)
}

// frozenPair is a frozen convolution of both devices.
type frozenPair struct {
	op.FrozenConv // the device's
	reference     op.FrozenConv
}

func (p *frozenPair) Close() error {
	return errors.Join(p.FrozenConv.Close(), p.reference.Close())
}

func (d *Twin) FreezeConv2D(w, bias []float32, shape []int, p op.ConvParams) (op.FrozenConv, error) {
	c, err := d.Device.FreezeConv2D(w, bias, shape, p)
	if err != nil {
		return nil, err
	}
	reference, err := d.reference.FreezeConv2D(w, bias, shape, p)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &frozenPair{c, reference}, nil
}

func (d *Twin) FrozenConv2D(y, x op.Tensor, c op.FrozenConv, residual op.Tensor, relu bool) {
	pair := c.(*frozenPair)
	d.compare("FrozenConv2D", func(on op.Device, t []op.Tensor) {
		c := pair.FrozenConv
		if on == d.reference {
			c = pair.reference
		}
		on.FrozenConv2D(t[0], t[1], c, t[2], relu)
	}, y, x, residual)
}

func (d *Twin) Linear(y, x, w, bias op.Tensor) {
	d.compare("Linear", func(on op.Device, t []op.Tensor) { on.Linear(t[0], t[1], t[2], t[3]) }, y, x, w, bias)
}

func (d *Twin) LinearGradInput(dx, dy, w op.Tensor) {
	d.compare("LinearGradInput", func(on op.Device, t []op.Tensor) { on.LinearGradInput(t[0], t[1], t[2]) }, dx, dy, w)
}

func (d *Twin) LinearGradWeight(dw, db, x, dy op.Tensor) {
	d.compare("LinearGradWeight", func(on op.Device, t []op.Tensor) { on.LinearGradWeight(t[0], t[1], t[2], t[3]) }, dw, db, x, dy)
}

func (d *Twin) Depthwise3x3(y, x, w, bias op.Tensor) {
	d.compare("Depthwise3x3", func(on op.Device, t []op.Tensor) { on.Depthwise3x3(t[0], t[1], t[2], t[3]) }, y, x, w, bias)
}

func (d *Twin) Depthwise3x3Grad(dx, dw, db, dy, x, w op.Tensor) {
	d.compare("Depthwise3x3Grad", func(on op.Device, t []op.Tensor) {
		on.Depthwise3x3Grad(t[0], t[1], t[2], t[3], t[4], t[5])
	}, dx, dw, db, dy, x, w)
}

func (d *Twin) BatchNormFrozen(y, x, w, b, mean, variance op.Tensor, eps float32) {
	d.compare("BatchNormFrozen", func(on op.Device, t []op.Tensor) {
		on.BatchNormFrozen(t[0], t[1], t[2], t[3], t[4], t[5], eps)
	}, y, x, w, b, mean, variance)
}

func (d *Twin) BatchNormFrozenGrad(dx, dw, db, dy, x, w, mean, variance op.Tensor, eps float32) {
	d.compare("BatchNormFrozenGrad", func(on op.Device, t []op.Tensor) {
		on.BatchNormFrozenGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], eps)
	}, dx, dw, db, dy, x, w, mean, variance)
}

func (d *Twin) BatchNormTrain(y, saveMean, saveRstd, runningMean, runningVar, x, w, b op.Tensor, eps, momentum float32) {
	d.compare("BatchNormTrain", func(on op.Device, t []op.Tensor) {
		on.BatchNormTrain(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], eps, momentum)
	}, y, saveMean, saveRstd, runningMean, runningVar, x, w, b)
}

func (d *Twin) BatchNormTrainGrad(dx, dw, db, dy, x, w, saveMean, saveRstd op.Tensor) {
	d.compare("BatchNormTrainGrad", func(on op.Device, t []op.Tensor) {
		on.BatchNormTrainGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7])
	}, dx, dw, db, dy, x, w, saveMean, saveRstd)
}

// LayerNorm has means that cancel to nothing where the values do not.
func (d *Twin) LayerNorm(y, mean, rstd, x, w, b op.Tensor, eps float32) {
	d.compareAbove(0.1, "LayerNorm", func(on op.Device, t []op.Tensor) { on.LayerNorm(t[1], t[0], t[2], t[3], t[4], t[5], eps) }, mean, y, rstd, x, w, b)
}

func (d *Twin) LayerNormGrad(dx, dw, db, dy, x, w, mean, rstd op.Tensor) {
	d.compare("LayerNormGrad", func(on op.Device, t []op.Tensor) {
		on.LayerNormGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7])
	}, dx, dw, db, dy, x, w, mean, rstd)
}

func (d *Twin) ReLU(y, x op.Tensor) {
	d.compare("ReLU", func(on op.Device, t []op.Tensor) { on.ReLU(t[0], t[1]) }, y, x)
}

func (d *Twin) ReLUGrad(dx, dy, y op.Tensor) {
	d.compare("ReLUGrad", func(on op.Device, t []op.Tensor) { on.ReLUGrad(t[0], t[1], t[2]) }, dx, dy, y)
}

func (d *Twin) GELU(y, x op.Tensor) {
	d.compare("GELU", func(on op.Device, t []op.Tensor) { on.GELU(t[0], t[1]) }, y, x)
}

func (d *Twin) GELUGrad(dx, dy, x op.Tensor) {
	d.compare("GELUGrad", func(on op.Device, t []op.Tensor) { on.GELUGrad(t[0], t[1], t[2]) }, dx, dy, x)
}

func (d *Twin) Softmax(y, x op.Tensor) {
	d.compare("Softmax", func(on op.Device, t []op.Tensor) { on.Softmax(t[0], t[1]) }, y, x)
}

func (d *Twin) SoftmaxGrad(dx, dy, y op.Tensor) {
	d.compare("SoftmaxGrad", func(on op.Device, t []op.Tensor) { on.SoftmaxGrad(t[0], t[1], t[2]) }, dx, dy, y)
}

func (d *Twin) Dropout(y, x op.Tensor, p op.DropoutParams) {
	d.compare("Dropout", func(on op.Device, t []op.Tensor) { on.Dropout(t[0], t[1], p) }, y, x)
}

func (d *Twin) DropoutGrad(dx, dy op.Tensor, p op.DropoutParams) {
	d.compare("DropoutGrad", func(on op.Device, t []op.Tensor) { on.DropoutGrad(t[0], t[1], p) }, dx, dy)
}

func (d *Twin) Add(y, a, b op.Tensor) {
	d.compare("Add", func(on op.Device, t []op.Tensor) { on.Add(t[0], t[1], t[2]) }, y, a, b)
}

func (d *Twin) AddScaled(y, x op.Tensor, alpha float32) {
	d.compare("AddScaled", func(on op.Device, t []op.Tensor) { on.AddScaled(t[0], t[1], alpha) }, y, x)
}

func (d *Twin) Concat(y op.Tensor, parts ...op.Tensor) {
	d.compare("Concat", func(on op.Device, t []op.Tensor) { on.Concat(t[0], t[1:]...) }, slices.Concat([]op.Tensor{y}, parts)...)
}

func (d *Twin) ConcatGrad(dparts []op.Tensor, dy op.Tensor, sizes []int) {
	d.compare("ConcatGrad", func(on op.Device, t []op.Tensor) { on.ConcatGrad(t[1:], t[0], sizes) }, slices.Concat([]op.Tensor{dy}, dparts)...)
}

func (d *Twin) MaxPool(y, argmax, x op.Tensor, p op.PoolParams) {
	d.compare("MaxPool", func(on op.Device, t []op.Tensor) { on.MaxPool(t[0], t[1], t[2], p) }, y, argmax, x)
}

func (d *Twin) MaxPoolGrad(dx, dy, argmax op.Tensor) {
	d.compare("MaxPoolGrad", func(on op.Device, t []op.Tensor) { on.MaxPoolGrad(t[0], t[1], t[2]) }, dx, dy, argmax)
}

func (d *Twin) AdaptiveAvgPool(y, x op.Tensor) {
	d.compare("AdaptiveAvgPool", func(on op.Device, t []op.Tensor) { on.AdaptiveAvgPool(t[0], t[1]) }, y, x)
}

func (d *Twin) AdaptiveAvgPoolGrad(dx, dy op.Tensor) {
	d.compare("AdaptiveAvgPoolGrad", func(on op.Device, t []op.Tensor) { on.AdaptiveAvgPoolGrad(t[0], t[1]) }, dx, dy)
}

func (d *Twin) PyramidSpread(y op.Tensor, q []op.Tensor) {
	d.compare("PyramidSpread", func(on op.Device, t []op.Tensor) { on.PyramidSpread(t[0], t[1:]) }, slices.Concat([]op.Tensor{y}, q)...)
}

func (d *Twin) MaskedAveragePool(y, x, mask op.Tensor) {
	d.compare("MaskedAveragePool", func(on op.Device, t []op.Tensor) { on.MaskedAveragePool(t[0], t[1], t[2]) }, y, x, mask)
}

func (d *Twin) MaskedAveragePoolGrad(dx, dy, mask op.Tensor) {
	d.compare("MaskedAveragePoolGrad", func(on op.Device, t []op.Tensor) { on.MaskedAveragePoolGrad(t[0], t[1], t[2]) }, dx, dy, mask)
}

func (d *Twin) ResizeBilinear(y, x op.Tensor, alignCorners bool) {
	d.compare("ResizeBilinear", func(on op.Device, t []op.Tensor) { on.ResizeBilinear(t[0], t[1], alignCorners) }, y, x)
}

func (d *Twin) ResizeBilinearGrad(dx, dy op.Tensor, alignCorners bool) {
	d.compare("ResizeBilinearGrad", func(on op.Device, t []op.Tensor) { on.ResizeBilinearGrad(t[0], t[1], alignCorners) }, dx, dy)
}

func (d *Twin) ResizeNearest(y, x op.Tensor) {
	d.compare("ResizeNearest", func(on op.Device, t []op.Tensor) { on.ResizeNearest(t[0], t[1]) }, y, x)
}

func (d *Twin) SelfAttention(y, lse, q, k, v op.Tensor, heads int) {
	d.compare("SelfAttention", func(on op.Device, t []op.Tensor) {
		on.SelfAttention(t[0], t[1], t[2], t[3], t[4], heads)
	}, y, lse, q, k, v)
}

func (d *Twin) SelfAttentionGrad(dq, dk, dv, dy, y, lse, q, k, v op.Tensor, heads int) {
	d.compare("SelfAttentionGrad", func(on op.Device, t []op.Tensor) {
		on.SelfAttentionGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], heads)
	}, dq, dk, dv, dy, y, lse, q, k, v)
}

// MaskedCorrelation leaves the sums of masked-out columns undefined; a wrong sum of the
// others shows in y.
func (d *Twin) MaskedCorrelation(y, corr, colSum, q, k, v, mask op.Tensor, heads int) {
	d.compareAbove(math.Inf(1), "MaskedCorrelation", func(on op.Device, t []op.Tensor) {
		on.MaskedCorrelation(t[1], t[2], t[0], t[3], t[4], t[5], t[6], heads)
	}, colSum, y, corr, q, k, v, mask)
}

func (d *Twin) MaskedCorrelationGrad(dq, dk, dv, dy, dcorr, colSum, q, k, v, mask op.Tensor, heads int) {
	d.compare("MaskedCorrelationGrad", func(on op.Device, t []op.Tensor) {
		on.MaskedCorrelationGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9], heads)
	}, dq, dk, dv, dy, dcorr, colSum, q, k, v, mask)
}

func (d *Twin) PriorSimilarity(y, q, s, mask op.Tensor) {
	d.compare("PriorSimilarity", func(on op.Device, t []op.Tensor) { on.PriorSimilarity(t[0], t[1], t[2], t[3]) }, y, q, s, mask)
}

func (d *Twin) Gram(g, x op.Tensor) {
	d.compare("Gram", func(on op.Device, t []op.Tensor) { on.Gram(t[0], t[1]) }, g, x)
}

func (d *Twin) GramDistance(dist, gq, gs op.Tensor) {
	d.compare("GramDistance", func(on op.Device, t []op.Tensor) { on.GramDistance(t[0], t[1], t[2]) }, dist, gq, gs)
}

func (d *Twin) ShotWeights(psi, dist, w0, b0, w1, b1 op.Tensor) {
	d.compare("ShotWeights", func(on op.Device, t []op.Tensor) {
		on.ShotWeights(t[0], t[1], t[2], t[3], t[4], t[5])
	}, psi, dist, w0, b0, w1, b1)
}

func (d *Twin) ShotWeightsGrad(dw0, db0, dw1, db1, dpsi, dist, w0, b0, w1, b1 op.Tensor) {
	d.compare("ShotWeightsGrad", func(on op.Device, t []op.Tensor) {
		on.ShotWeightsGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9])
	}, dw0, db0, dw1, db1, dpsi, dist, w0, b0, w1, b1)
}

func (d *Twin) BaseForeground(y, prob, except op.Tensor) {
	d.compare("BaseForeground", func(on op.Device, t []op.Tensor) { on.BaseForeground(t[0], t[1], t[2]) }, y, prob, except)
}

func (d *Twin) Ensemble(y, meta, base, psi, gramMerge, clsMerge op.Tensor) {
	d.compare("Ensemble", func(on op.Device, t []op.Tensor) {
		on.Ensemble(t[0], t[1], t[2], t[3], t[4], t[5])
	}, y, meta, base, psi, gramMerge, clsMerge)
}

func (d *Twin) EnsembleGrad(dmeta, dpsi, dgramMerge, dclsMerge, dy, meta, base, psi, gramMerge, clsMerge op.Tensor) {
	d.compare("EnsembleGrad", func(on op.Device, t []op.Tensor) {
		on.EnsembleGrad(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9])
	}, dmeta, dpsi, dgramMerge, dclsMerge, dy, meta, base, psi, gramMerge, clsMerge)
}

func (d *Twin) Foreground(y, label op.Tensor) {
	d.compare("Foreground", func(on op.Device, t []op.Tensor) { on.Foreground(t[0], t[1]) }, y, label)
}

func (d *Twin) MaskImage(y, x, mask op.Tensor) {
	d.compare("MaskImage", func(on op.Device, t []op.Tensor) { on.MaskImage(t[0], t[1], t[2]) }, y, x, mask)
}

func (d *Twin) ShotMean(y, x op.Tensor) {
	d.compare("ShotMean", func(on op.Device, t []op.Tensor) { on.ShotMean(t[0], t[1]) }, y, x)
}

func (d *Twin) ShotMeanGrad(dx, dy op.Tensor) {
	d.compare("ShotMeanGrad", func(on op.Device, t []op.Tensor) { on.ShotMeanGrad(t[0], t[1]) }, dx, dy)
}

func (d *Twin) CrossEntropy(loss, logits, label op.Tensor) {
	d.compare("CrossEntropy", func(on op.Device, t []op.Tensor) { on.CrossEntropy(t[0], t[1], t[2]) }, loss, logits, label)
}

func (d *Twin) CrossEntropyGrad(dlogits, loss, logits, label op.Tensor, scale float32) {
	d.compare("CrossEntropyGrad", func(on op.Device, t []op.Tensor) {
		on.CrossEntropyGrad(t[0], t[1], t[2], t[3], scale)
	}, dlogits, loss, logits, label)
}

func (d *Twin) DistillationTeacher(y, label op.Tensor) {
	d.compare("DistillationTeacher", func(on op.Device, t []op.Tensor) { on.DistillationTeacher(t[0], t[1]) }, y, label)
}

func (d *Twin) Distillation(loss, student, teacher op.Tensor) {
	d.compare("Distillation", func(on op.Device, t []op.Tensor) { on.Distillation(t[0], t[1], t[2]) }, loss, student, teacher)
}

func (d *Twin) DistillationGrad(dstudent, student, teacher op.Tensor, scale float32) {
	d.compare("DistillationGrad", func(on op.Device, t []op.Tensor) {
		on.DistillationGrad(t[0], t[1], t[2], scale)
	}, dstudent, student, teacher)
}

func (d *Twin) Argmax(y, logits op.Tensor) {
	d.compare("Argmax", func(on op.Device, t []op.Tensor) { on.Argmax(t[0], t[1]) }, y, logits)
}

func (d *Twin) AdamW(p, m, v, g op.Tensor, h op.AdamWParams) {
	d.compare("AdamW", func(on op.Device, t []op.Tensor) { on.AdamW(t[0], t[1], t[2], t[3], h) }, p, m, v, g)
}

func (d *Twin) SGD(p, m, g op.Tensor, h op.SGDParams) {
	d.compare("SGD", func(on op.Device, t []op.Tensor) { on.SGD(t[0], t[1], t[2], h) }, p, m, g)
}
