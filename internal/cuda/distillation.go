//go:build cuda

package cuda

import "hdmnet/internal/op"

// distillationThreads is a block of kernels/distillation.cu, which holds one sample.
const distillationThreads = 512

// DistillationTeacher implements op.Distillation.
func (d *Device) DistillationTeacher(y, label op.Tensor) {
	n := op.CheckDistillationTeacher(y, label)
	d.launch("distillation_teacher", d.perElement(n), y, label, n)
}

// Distillation implements op.Distillation.
func (d *Device) Distillation(loss, student, teacher op.Tensor) {
	batch, n := op.CheckDistillation(loss, student, teacher)
	partial := d.scratch(batch)
	defer d.freeScratch(partial)
	d.launch("distillation", grid1(batch, distillationThreads), partial, student, teacher, n)
	d.launch("distillation_end", grid1(1, 32), loss, partial, batch)
}

// DistillationGrad implements op.Distillation.
func (d *Device) DistillationGrad(dstudent, student, teacher op.Tensor, scale float32) {
	batch, n := op.CheckDistillationGrad(dstudent, student, teacher)
	if dstudent == nil {
		return
	}
	d.launch("distillation_grad", grid1(batch, distillationThreads), dstudent, student, teacher, scale/float32(batch), n)
}
