package cpu

import (
	"math"

	"hdmnet/internal/op"
)

const (
	distillationEps = 1e-12
	notTeacher      = -1e9 // outside the first teacher's foreground
)

// DistillationTeacher implements op.Distillation.
func (d *Device) DistillationTeacher(y, label op.Tensor) {
	op.CheckDistillationTeacher(y, label)
	out := f32(y)
	for i, l := range label.Uint8s() {
		out[i] = notTeacher
		if l == 1 {
			out[i] = 1
		}
	}
}

// Distillation implements op.Distillation. A map has some thousand positions: it is
// summed in float64, exponentials and all, one sample at a time.
func (d *Device) Distillation(loss, student, teacher op.Tensor) {
	batch, _ := op.CheckDistillation(loss, student, teacher)
	total := 0.0
	for b := range batch {
		s, t := sample(f32(student), b, batch), sample(f32(teacher), b, batch)
		sNorm, tNorm := logSumExp(s), logSumExp(t)
		for i := range s {
			q := math.Exp(float64(t[i]) - tNorm)
			p := math.Exp(float64(s[i]) - sNorm)
			total += q * (math.Log(q+distillationEps) - math.Log(p+distillationEps))
		}
	}
	f32(loss)[0] = float32(total / float64(batch))
}

// DistillationGrad implements op.Distillation. With r = t·p/(p + 1e-12):
//
//	dstudent_n += scale/B · (p_n Σ r − r_n)
func (d *Device) DistillationGrad(dstudent, student, teacher op.Tensor, scale float32) {
	batch, _ := op.CheckDistillationGrad(dstudent, student, teacher)
	if dstudent == nil {
		return
	}
	for b := range batch {
		ds, s, t := sample(f32(dstudent), b, batch), sample(f32(student), b, batch), sample(f32(teacher), b, batch)
		sNorm, tNorm := logSumExp(s), logSumExp(t)
		pull := func(i int) (p, r float64) {
			p = math.Exp(float64(s[i]) - sNorm)
			return p, math.Exp(float64(t[i])-tNorm) * p / (p + distillationEps)
		}
		sum := 0.0
		for i := range s {
			_, r := pull(i)
			sum += r
		}
		factor := float64(scale) / float64(batch)
		for i := range s {
			p, r := pull(i)
			ds[i] += float32(factor * (p*sum - r))
		}
	}
}

// logSumExp is log Σ exp(x).
func logSumExp(x []float32) float64 {
	top := float64(rowMax(x))
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - top)
	}
	return top + math.Log(sum)
}
