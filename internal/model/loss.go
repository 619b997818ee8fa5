package model

import (
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// LossOptions weigh the losses.
type LossOptions struct {
	Distill float32 // weight of the distillation, 1 in the release
	Scale   float32 // of the gradient: 1/number of accumulated batches
}

// Losses are the means over one batch.
type Losses struct {
	Main    float32 // CE(final) + CE(meta)
	Distill float32 // mean over the three scales
	Base    float32 // CE of the base learner: logged, it has no gradient
	Total   float32 // Main + weight·Distill + Base, as the release logs it, + Contrast

	// Contrast is the mean over the three scales of the binary cross-entropy of the query's
	// contrasts with its mask; 0 without Options.Ambiguity.
	Contrast float32
}

// Positions of the single losses in the tensor that Loss returns.
const (
	atFinal   = 0 // mean, count
	atMeta    = 2
	atBase    = 4
	atDistill = 6 // one per scale

	atContrast = 9 // mean, count per scale; only with Options.Ambiguity
)

// Loss computes the losses of a batch whose query labels are queryMask (uint8 [B,S,S]:
// 0, 1, 255) and baseLabel (uint8 [B,S,S]) and records their gradients. ReadLosses reads
// the tensor it returns. Section 3.5 of the paper.
func (n *HDMNet) Loss(t *nn.Tape, out *Output, queryMask, baseLabel op.Tensor, o LossOptions) op.Tensor {
	op.Region(t.Dev, RegionLosses)
	loss := t.Arena.Zeros(atContrast + 2*len(out.Contrasts))
	s := queryMask.Shape()
	t.CrossEntropy(t.Arena.Span(loss, atFinal, 2), Upsample(t, out.Final, s[1], s[2]), queryMask, o.Scale)
	t.CrossEntropy(t.Arena.Span(loss, atMeta, 2), Upsample(t, out.Meta, s[1], s[2]), queryMask, o.Scale)
	t.NoGrad(func() {
		base := Upsample(t, out.Base, s[1], s[2])
		t.CrossEntropy(t.Arena.Span(loss, atBase, 2), base, baseLabel, 0)
		if base != out.Base {
			t.Free(base)
		}
	})

	teacher := t.Arena.Float32(s[0], s[1], s[2], 1)
	t.Dev.DistillationTeacher(teacher, queryMask)
	for i, m := range out.Maps {
		size := m.Value.Shape()
		target := t.Arena.Float32(size...)
		t.Dev.ResizeBilinear(target, teacher, false)
		t.Distillation(t.Arena.Span(loss, atDistill+i, 1), m, target, o.Scale*o.Distill/float32(len(out.Maps)))
		teacher = m.Value
	}
	for i, c := range out.Contrasts {
		logits := t.Concat(t.Const(t.Arena.Zeros(c.Value.Shape()...)), c) // of 0 and c, whose cross-entropy is c's binary one
		t.CrossEntropy(t.Arena.Span(loss, atContrast+2*i, 2), Upsample(t, logits, s[1], s[2]), queryMask, o.Scale/float32(len(out.Contrasts)))
	}
	return loss
}

// ReadLosses waits for the losses of a batch. weight is the one given to Loss.
func ReadLosses(dev op.Device, loss op.Tensor, weight float32) Losses {
	v := make([]float32, op.Len(loss))
	dev.Download(v, loss)
	return SumLosses(v, weight)
}

// SumLosses gives the losses of the elements of Loss's tensor. weight is the one given to
// Loss.
func SumLosses(v []float32, weight float32) Losses {
	l := Losses{Main: v[atFinal] + v[atMeta], Base: v[atBase], Distill: (v[atDistill] + v[atDistill+1] + v[atDistill+2]) / 3}
	l.Total = l.Main + weight*l.Distill + l.Base
	if len(v) > atContrast {
		l.Contrast = (v[atContrast] + v[atContrast+2] + v[atContrast+4]) / 3
		l.Total += l.Contrast
	}
	return l
}
