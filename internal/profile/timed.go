package profile

import (
	"slices"

	"hdmnet/internal/op"
)

// The methods of op.Device, in its order; package op says what each one means. Those of
// the tensor engine, Name and Close are the device's own.

func (d *Timed) Upload(dst op.Tensor, src any) {
	d.time("Upload", Work{}, func() { d.Device.Upload(dst, src) }, dst)
}

func (d *Timed) Download(dst any, src op.Tensor) {
	d.time("Download", Work{}, func() { d.Device.Download(dst, src) }, src)
}

func (d *Timed) Zero(t op.Tensor) {
	d.time("Zero", Work{}, func() { d.Device.Zero(t) }, t)
}

func (d *Timed) Copy(dst, src op.Tensor) {
	d.time("Copy", Work{}, func() { d.Device.Copy(dst, src) }, dst, src)
}

func (d *Timed) Conv2D(y, x, w, bias, residual op.Tensor, p op.ConvParams) {
	d.time("Conv2D", convolution(y, w.Shape(), p, forward), func() { d.Device.Conv2D(y, x, w, bias, residual, p) }, y, x, w, bias, residual)
}

func (d *Timed) Conv2DGradInput(dx, dy, w op.Tensor, p op.ConvParams) {
	d.time("Conv2DGradInput", convolution(dy, w.Shape(), p, gradInput), func() { d.Device.Conv2DGradInput(dx, dy, w, p) }, dx, dy, w)
}

func (d *Timed) Conv2DGradWeight(dw, db, x, dy op.Tensor, p op.ConvParams) {
	d.time("Conv2DGradWeight", convolutionGradWeight(dw, dy, p), func() { d.Device.Conv2DGradWeight(dw, db, x, dy, p) }, dw, db, x, dy)
}

func (d *Timed) FreezeConv2D(w, bias []float32, shape []int, p op.ConvParams) (c op.FrozenConv, err error) {
	d.time("FreezeConv2D", Work{}, func() { c, err = d.Device.FreezeConv2D(w, bias, shape, p) })
	return c, err
}

func (d *Timed) FrozenConv2D(y, x op.Tensor, c op.FrozenConv, residual op.Tensor, relu bool) {
	d.time("FrozenConv2D", convolution(y, c.Shape(), c.Params(), forward), func() { d.Device.FrozenConv2D(y, x, c, residual, relu) }, y, x, residual)
}

func (d *Timed) Linear(y, x, w, bias op.Tensor) {
	d.time("Linear", product(rows(x), op.Last(y), op.Last(x)), func() { d.Device.Linear(y, x, w, bias) }, y, x, w, bias)
}

func (d *Timed) LinearGradInput(dx, dy, w op.Tensor) {
	d.time("LinearGradInput", product(rows(dy), op.Last(dx), op.Last(dy)), func() { d.Device.LinearGradInput(dx, dy, w) }, dx, dy, w)
}

func (d *Timed) LinearGradWeight(dw, db, x, dy op.Tensor) {
	d.time("LinearGradWeight", linearGradWeight(dw, x, dy), func() { d.Device.LinearGradWeight(dw, db, x, dy) }, dw, db, x, dy)
}

func (d *Timed) Depthwise3x3(y, x, w, bias op.Tensor) {
	d.time("Depthwise3x3", each(18, y), func() { d.Device.Depthwise3x3(y, x, w, bias) }, y, x, w, bias)
}

func (d *Timed) Depthwise3x3Grad(dx, dw, db, dy, x, w op.Tensor) {
	d.time("Depthwise3x3Grad", perTensor(18, dy, dx, dw), func() { d.Device.Depthwise3x3Grad(dx, dw, db, dy, x, w) }, dx, dw, db, dy, x, w)
}

func (d *Timed) BatchNormFrozen(y, x, w, b, mean, variance op.Tensor, eps float32) {
	d.time("BatchNormFrozen", Work{}, func() { d.Device.BatchNormFrozen(y, x, w, b, mean, variance, eps) }, y, x, w, b, mean, variance)
}

func (d *Timed) BatchNormFrozenGrad(dx, dw, db, dy, x, w, mean, variance op.Tensor, eps float32) {
	d.time("BatchNormFrozenGrad", Work{}, func() { d.Device.BatchNormFrozenGrad(dx, dw, db, dy, x, w, mean, variance, eps) },
		dx, dw, db, dy, x, w, mean, variance)
}

func (d *Timed) BatchNormTrain(y, saveMean, saveRstd, runningMean, runningVar, x, w, b op.Tensor, eps, momentum float32) {
	d.time("BatchNormTrain", Work{}, func() {
		d.Device.BatchNormTrain(y, saveMean, saveRstd, runningMean, runningVar, x, w, b, eps, momentum)
	},
		y, saveMean, saveRstd, runningMean, runningVar, x, w, b)
}

func (d *Timed) BatchNormTrainGrad(dx, dw, db, dy, x, w, saveMean, saveRstd op.Tensor) {
	d.time("BatchNormTrainGrad", Work{}, func() { d.Device.BatchNormTrainGrad(dx, dw, db, dy, x, w, saveMean, saveRstd) },
		dx, dw, db, dy, x, w, saveMean, saveRstd)
}

func (d *Timed) LayerNorm(y, mean, rstd, x, w, b op.Tensor, eps float32) {
	d.time("LayerNorm", Work{}, func() { d.Device.LayerNorm(y, mean, rstd, x, w, b, eps) }, y, mean, rstd, x, w, b)
}

func (d *Timed) LayerNormGrad(dx, dw, db, dy, x, w, mean, rstd op.Tensor) {
	d.time("LayerNormGrad", Work{}, func() { d.Device.LayerNormGrad(dx, dw, db, dy, x, w, mean, rstd) }, dx, dw, db, dy, x, w, mean, rstd)
}

func (d *Timed) ReLU(y, x op.Tensor) {
	d.time("ReLU", Work{}, func() { d.Device.ReLU(y, x) }, y, x)
}

func (d *Timed) ReLUGrad(dx, dy, y op.Tensor) {
	d.time("ReLUGrad", Work{}, func() { d.Device.ReLUGrad(dx, dy, y) }, dx, dy, y)
}

func (d *Timed) GELU(y, x op.Tensor) {
	d.time("GELU", Work{}, func() { d.Device.GELU(y, x) }, y, x)
}

func (d *Timed) GELUGrad(dx, dy, x op.Tensor) {
	d.time("GELUGrad", Work{}, func() { d.Device.GELUGrad(dx, dy, x) }, dx, dy, x)
}

func (d *Timed) Softmax(y, x op.Tensor) {
	d.time("Softmax", Work{}, func() { d.Device.Softmax(y, x) }, y, x)
}

func (d *Timed) SoftmaxGrad(dx, dy, y op.Tensor) {
	d.time("SoftmaxGrad", Work{}, func() { d.Device.SoftmaxGrad(dx, dy, y) }, dx, dy, y)
}

func (d *Timed) Dropout(y, x op.Tensor, p op.DropoutParams) {
	d.time("Dropout", Work{}, func() { d.Device.Dropout(y, x, p) }, y, x)
}

func (d *Timed) DropoutGrad(dx, dy op.Tensor, p op.DropoutParams) {
	d.time("DropoutGrad", Work{}, func() { d.Device.DropoutGrad(dx, dy, p) }, dx, dy)
}

func (d *Timed) Add(y, a, b op.Tensor) {
	d.time("Add", Work{}, func() { d.Device.Add(y, a, b) }, y, a, b)
}

func (d *Timed) AddScaled(y, x op.Tensor, alpha float32) {
	d.time("AddScaled", Work{}, func() { d.Device.AddScaled(y, x, alpha) }, y, x)
}

func (d *Timed) Concat(y op.Tensor, parts ...op.Tensor) {
	d.time("Concat", Work{}, func() { d.Device.Concat(y, parts...) }, slices.Concat([]op.Tensor{y}, parts)...)
}

func (d *Timed) ConcatGrad(dparts []op.Tensor, dy op.Tensor, sizes []int) {
	d.time("ConcatGrad", Work{}, func() { d.Device.ConcatGrad(dparts, dy, sizes) }, slices.Concat(dparts, []op.Tensor{dy})...)
}

func (d *Timed) MaxPool(y, argmax, x op.Tensor, p op.PoolParams) {
	d.time("MaxPool", Work{}, func() { d.Device.MaxPool(y, argmax, x, p) }, y, argmax, x)
}

func (d *Timed) MaxPoolGrad(dx, dy, argmax op.Tensor) {
	d.time("MaxPoolGrad", Work{}, func() { d.Device.MaxPoolGrad(dx, dy, argmax) }, dx, dy, argmax)
}

func (d *Timed) AdaptiveAvgPool(y, x op.Tensor) {
	d.time("AdaptiveAvgPool", Work{}, func() { d.Device.AdaptiveAvgPool(y, x) }, y, x)
}

func (d *Timed) AdaptiveAvgPoolGrad(dx, dy op.Tensor) {
	d.time("AdaptiveAvgPoolGrad", Work{}, func() { d.Device.AdaptiveAvgPoolGrad(dx, dy) }, dx, dy)
}

func (d *Timed) PyramidSpread(y op.Tensor, q []op.Tensor) {
	d.time("PyramidSpread", Work{}, func() { d.Device.PyramidSpread(y, q) }, slices.Concat([]op.Tensor{y}, q)...)
}

func (d *Timed) MaskedAveragePool(y, x, mask op.Tensor) {
	d.time("MaskedAveragePool", Work{}, func() { d.Device.MaskedAveragePool(y, x, mask) }, y, x, mask)
}

func (d *Timed) MaskedAveragePoolGrad(dx, dy, mask op.Tensor) {
	d.time("MaskedAveragePoolGrad", Work{}, func() { d.Device.MaskedAveragePoolGrad(dx, dy, mask) }, dx, dy, mask)
}

func (d *Timed) ResizeBilinear(y, x op.Tensor, alignCorners bool) {
	d.time("ResizeBilinear", Work{}, func() { d.Device.ResizeBilinear(y, x, alignCorners) }, y, x)
}

func (d *Timed) ResizeBilinearGrad(dx, dy op.Tensor, alignCorners bool) {
	d.time("ResizeBilinearGrad", Work{}, func() { d.Device.ResizeBilinearGrad(dx, dy, alignCorners) }, dx, dy)
}

func (d *Timed) ResizeNearest(y, x op.Tensor) {
	d.time("ResizeNearest", Work{}, func() { d.Device.ResizeNearest(y, x) }, y, x)
}

func (d *Timed) SelfAttention(y, lse, q, k, v op.Tensor, heads int) {
	d.time("SelfAttention", attention(2, q, k), func() { d.Device.SelfAttention(y, lse, q, k, v, heads) }, y, lse, q, k, v)
}

func (d *Timed) SelfAttentionGrad(dq, dk, dv, dy, y, lse, q, k, v op.Tensor, heads int) {
	d.time("SelfAttentionGrad", attention(4, q, k), func() { d.Device.SelfAttentionGrad(dq, dk, dv, dy, y, lse, q, k, v, heads) },
		dq, dk, dv, dy, y, lse, q, k, v)
}

func (d *Timed) MaskedCorrelation(y, corr, colSum, q, k, v, mask op.Tensor, heads int) {
	d.time("MaskedCorrelation", attention(2, q, k), func() { d.Device.MaskedCorrelation(y, corr, colSum, q, k, v, mask, heads) },
		y, corr, colSum, q, k, v, mask)
}

func (d *Timed) MaskedCorrelationGrad(dq, dk, dv, dy, dcorr, colSum, q, k, v, mask op.Tensor, heads int) {
	d.time("MaskedCorrelationGrad", attention(4, q, k),
		func() { d.Device.MaskedCorrelationGrad(dq, dk, dv, dy, dcorr, colSum, q, k, v, mask, heads) },
		dq, dk, dv, dy, dcorr, colSum, q, k, v, mask)
}

func (d *Timed) PriorSimilarity(y, q, s, mask op.Tensor) {
	d.time("PriorSimilarity", each(2*float64(op.Len(mask)/mask.Shape()[0]), q), func() { d.Device.PriorSimilarity(y, q, s, mask) }, y, q, s, mask)
}

func (d *Timed) Gram(g, x op.Tensor) {
	d.time("Gram", each(2*float64(op.Last(x)), x), func() { d.Device.Gram(g, x) }, g, x)
}

func (d *Timed) GramDistance(dist, gq, gs op.Tensor) {
	d.time("GramDistance", Work{}, func() { d.Device.GramDistance(dist, gq, gs) }, dist, gq, gs)
}

func (d *Timed) ShotWeights(psi, dist, w0, b0, w1, b1 op.Tensor) {
	d.time("ShotWeights", Work{}, func() { d.Device.ShotWeights(psi, dist, w0, b0, w1, b1) }, psi, dist, w0, b0, w1, b1)
}

func (d *Timed) ShotWeightsGrad(dw0, db0, dw1, db1, dpsi, dist, w0, b0, w1, b1 op.Tensor) {
	d.time("ShotWeightsGrad", Work{}, func() { d.Device.ShotWeightsGrad(dw0, db0, dw1, db1, dpsi, dist, w0, b0, w1, b1) },
		dw0, db0, dw1, db1, dpsi, dist, w0, b0, w1, b1)
}

func (d *Timed) BaseForeground(y, prob, except op.Tensor) {
	d.time("BaseForeground", Work{}, func() { d.Device.BaseForeground(y, prob, except) }, y, prob, except)
}

func (d *Timed) Ensemble(y, meta, base, psi, gramMerge, clsMerge op.Tensor) {
	d.time("Ensemble", Work{}, func() { d.Device.Ensemble(y, meta, base, psi, gramMerge, clsMerge) }, y, meta, base, psi, gramMerge, clsMerge)
}

func (d *Timed) EnsembleGrad(dmeta, dpsi, dgramMerge, dclsMerge, dy, meta, base, psi, gramMerge, clsMerge op.Tensor) {
	d.time("EnsembleGrad", Work{}, func() {
		d.Device.EnsembleGrad(dmeta, dpsi, dgramMerge, dclsMerge, dy, meta, base, psi, gramMerge, clsMerge)
	},
		dmeta, dpsi, dgramMerge, dclsMerge, dy, meta, base, psi, gramMerge, clsMerge)
}

func (d *Timed) Foreground(y, label op.Tensor) {
	d.time("Foreground", Work{}, func() { d.Device.Foreground(y, label) }, y, label)
}

func (d *Timed) MaskImage(y, x, mask op.Tensor) {
	d.time("MaskImage", Work{}, func() { d.Device.MaskImage(y, x, mask) }, y, x, mask)
}

func (d *Timed) ShotMean(y, x op.Tensor) {
	d.time("ShotMean", Work{}, func() { d.Device.ShotMean(y, x) }, y, x)
}

func (d *Timed) ShotMeanGrad(dx, dy op.Tensor) {
	d.time("ShotMeanGrad", Work{}, func() { d.Device.ShotMeanGrad(dx, dy) }, dx, dy)
}

func (d *Timed) CrossEntropy(loss, logits, label op.Tensor) {
	d.time("CrossEntropy", Work{}, func() { d.Device.CrossEntropy(loss, logits, label) }, loss, logits, label)
}

func (d *Timed) CrossEntropyGrad(dlogits, loss, logits, label op.Tensor, scale float32) {
	d.time("CrossEntropyGrad", Work{}, func() { d.Device.CrossEntropyGrad(dlogits, loss, logits, label, scale) }, dlogits, loss, logits, label)
}

func (d *Timed) DistillationTeacher(y, label op.Tensor) {
	d.time("DistillationTeacher", Work{}, func() { d.Device.DistillationTeacher(y, label) }, y, label)
}

func (d *Timed) Distillation(loss, student, teacher op.Tensor) {
	d.time("Distillation", Work{}, func() { d.Device.Distillation(loss, student, teacher) }, loss, student, teacher)
}

func (d *Timed) DistillationGrad(dstudent, student, teacher op.Tensor, scale float32) {
	d.time("DistillationGrad", Work{}, func() { d.Device.DistillationGrad(dstudent, student, teacher, scale) }, dstudent, student, teacher)
}

func (d *Timed) Argmax(y, logits op.Tensor) {
	d.time("Argmax", Work{}, func() { d.Device.Argmax(y, logits) }, y, logits)
}

func (d *Timed) AdamW(p, m, v, g op.Tensor, h op.AdamWParams) {
	d.time("AdamW", Work{}, func() { d.Device.AdamW(p, m, v, g, h) }, p, m, v, g)
}

func (d *Timed) SGD(p, m, g op.Tensor, h op.SGDParams) {
	d.time("SGD", Work{}, func() { d.Device.SGD(p, m, g, h) }, p, m, g)
}
